package relay

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// damage shortens the newest stored change record to a length.
func (f *folder) damage(length int) {
	f.t.Helper()
	var key, value []byte
	it := f.store.Scan(kv.Prefix(kv.NewKey('r')))
	for it.Next() { // a key ends with the record's sequence number
		if k := it.Key(); key == nil || bytes.Compare(k[len(k)-8:], key[len(key)-8:]) > 0 {
			key, value = slices.Clone(k), slices.Clone(it.Value())
		}
	}
	if err := it.Close(); err != nil || key == nil {
		f.t.Fatal(key, err)
	}
	b := f.store.NewBatch()
	b.Set(key, value[:min(length, len(value)-1)])
	if _, err := f.store.Commit(b); err != nil {
		f.t.Fatal(err)
	}
}

// A stored record that is damaged ends the relay before it, wherever its bytes
// end; what came before is handed on, though it would be of one page, and nothing is parked or passed.
func TestDamagedRecordHalts(t *testing.T) {
	for _, length := range []int{0, 5, 10, 1000} {
		f := newFolder(t)
		r := f.relay(Options{}, definition("A"))
		f.put("a")
		before := f.streams.OfTable("users")[0].Last()
		f.put("b")
		f.damage(length)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := r.Run(ctx); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d bytes: run: %v", length, err)
		}
		if s := r.Status(); s.Position != before || s.Parked != 0 || s.LastError == "" {
			t.Errorf("%d bytes: %+v", length, s)
		}
		f.expect(`A {"id":"a"}`)
	}
}
