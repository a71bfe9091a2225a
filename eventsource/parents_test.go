package eventsource

import (
	"fmt"
	"testing"

	"github.com/tablecast/tablecast/kv/kvtest"
)

// A shard is not read before its parent is done with: while the function fails on
// a change, no later one of the item reaches it, though the shard was rotated and
// split since, and the node was started again.
func TestParentsFirst(t *testing.T) {
	fs := kvtest.NewCrashFS(1)
	shut := true
	h := func([]change, *event) (string, error) {
		if shut {
			return "", errFail
		}
		return report(), nil
	}
	w := open(t, fs, h, Options{})
	w.create()
	m := w.mapped(func(m *Mapping) { m.OnError, m.BatchSize, m.Parallel = Block, 1, 10 })
	for n := range 6 {
		for i := range 8 {
			w.put(fmt.Sprint("u", i), n)
		}
		if n%2 == 0 {
			must(t, w.users().Rotate())
		} else {
			must(t, w.users().Split())
		}
	}
	refused := func(least int) {
		t.Helper()
		w.await("some refusals", func() bool { return len(w.seen()) >= least })
		for _, b := range w.seen() {
			if b[0].n != 0 {
				t.Fatalf("%s: change %d was handed over before 0 was taken", b[0].id, b[0].n)
			}
		}
	}
	refused(200)
	w.stop()
	w = open(t, fs.Clone(0), h, Options{})
	refused(200)
	w.mu.Lock()
	shut, w.batches = false, nil
	w.mu.Unlock()
	w.await("all taken", func() bool { return w.status(m.UUID).Delivered == 48 })
	next := map[string]int{}
	for _, b := range w.seen() {
		for _, c := range b {
			if c.n != next[c.id] {
				t.Errorf("%s: change %d was taken, want %d", c.id, c.n, next[c.id])
			}
			next[c.id]++
		}
	}
}
