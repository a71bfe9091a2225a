package bus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is remembered of an event is what is stored, whatever its producer does
// with its memory then; only so many are remembered, and none that is large.
func TestRecent(t *testing.T) {
	w := memory(t, Options{})
	w.rule("r", "s", "t")
	put := func(detail []byte) uint64 {
		t.Helper()
		resources := []string{"a", "b"}
		_, err := w.Put(t.Context(), []Entry{{Bus: Default, Source: "s", DetailType: "T", Detail: detail, Resources: resources}})
		w.must(err)
		copy(detail, strings.Repeat("!", len(detail)))
		resources[0] = "!"
		return w.accepted[len(w.accepted)-1].Seq
	}
	first := put([]byte(`{"n": 1}`))
	large := put(fmt.Appendf(nil, `{"n":%q}`, strings.Repeat("x", cacheEventBytes)))
	if w.cache.find(Default, first) == nil || w.cache.find(Default, large) != nil || w.cache.find("other", first) != nil {
		t.Error("what should be remembered is not, or the other way round")
	}
	for _, seq := range []uint64{first, large} {
		got, err := w.Event(Default, seq)
		w.must(err)
		want, err := Event(w.store, Default, seq)
		w.must(err)
		if diff := cmp.Diff(string(got.AppendBinary(nil)), string(want.AppendBinary(nil))); diff != "" {
			t.Error(diff)
		}
	}
	last := put([]byte(`{}`))
	for last < first+cacheEvents {
		last = put([]byte(`{}`))
	}
	for seq, remembered := range map[uint64]bool{last: true, first: last%cacheEvents != first%cacheEvents} {
		if got := w.cache.find(Default, seq) != nil; got != remembered {
			t.Errorf("event %d of %d is remembered: %v", seq, last, got)
		}
	}
	if _, err := w.Event(Default, first); err != nil {
		t.Error(err)
	}
	if _, err := w.Event(Default, last+1); err == nil {
		t.Error("an event that does not exist was found")
	}
}
