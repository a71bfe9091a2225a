package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
)

// The power fails before and after each hand-over. In what is left, each change
// has raised its events exactly once as soon as the relay caught up (P5).
func TestExactlyOnceOverPowerLoss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wrong []string
	for cycle := range uint64(8) {
		for _, fs := range cuts(t, seed+cycle) {
			wrong = append(wrong, recovered(t, fs)...)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("P5: %v", wrong)
	}
}

// cuts relays some inserts and returns what power losses around each hand-over
// would leave.
func cuts(t *testing.T, seed uint64) (out []*kvtest.CrashFS) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := kvtest.NewCrashFS(seed)
	f := openFolder(t, fs)
	f.create()
	cut := func() { out = append(out, fs.Clone(rng.IntN(101))) }
	r := f.relay(Options{Sink: func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		cut()
		err := f.keep(ctx, events, mark)
		cut()
		return err
	}}, definition("A"), definition("B"))
	runs(t, r, func() {
		for n := range 3 + rng.IntN(8) {
			f.put(user(n))
		}
		await(t, r, func(s Status) bool { return s.Position >= s.End })
	})
	return out
}

// recovered opens what is left, catches up, and says what is wrong.
func recovered(t *testing.T, fs *kvtest.CrashFS) (wrong []string) {
	t.Helper()
	f := openFolder(t, fs)
	var want []string
	st := f.streams.OfTable("users")[0]
	page, err := st.Read(0, 1000, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range page.Records {
		id, _ := rec.Keys.Get("id")
		want = append(want, fmt.Sprintf(`A {"id":%q}`, id.Str()), fmt.Sprintf(`B {"id":%q}`, id.Str()))
	}
	drain(t, f.relay(Options{}, definition("A"), definition("B")))
	if got := f.events(); !slices.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("got %s, want %s", strings.Join(got, ", "), strings.Join(want, ", ")))
	}
	return wrong
}
