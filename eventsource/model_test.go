package eventsource

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tablecast/tablecast/kv/kvtest"
)

// A ledger checks what the function takes: of each item all changes, each after
// the one before it. Repeats are allowed, holes and other orders are not.
type ledger struct {
	t     *testing.T
	next  map[string]int // of each item, the change that must come next
	total int
}

func (l *ledger) take(changes []change) {
	for _, c := range changes {
		switch {
		case c.n > l.next[c.id]:
			l.t.Errorf("%s: change %d was taken before %d", c.id, c.n, l.next[c.id])
		case c.n == l.next[c.id]:
			l.next[c.id]++
			l.total++
		}
	}
}

// Whatever fails, and however often the node ends, by itself or with a power
// loss: nothing is lost, and each item keeps its order.
func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runModel(t, seed)
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	l := &ledger{t: t, next: map[string]int{}}
	var chance sync.Mutex
	dice := func(n int) int {
		chance.Lock()
		defer chance.Unlock()
		return rng.IntN(n)
	}
	sick := true
	poison := fmt.Sprint("u", dice(6))
	h := func(changes []change, _ *event) (string, error) {
		if sick {
			for i, c := range changes {
				if c.id == poison && c.n >= 3 {
					if dice(2) == 0 {
						return "", errFail
					}
					l.take(changes[:i])
					return report(c), nil
				}
			}
			switch dice(12) {
			case 0:
				return "", errFail
			case 1:
				return "", errAway
			case 2:
				return "", errBusy
			case 3:
				i := dice(len(changes))
				l.take(changes[:i])
				return report(changes[i:]...), nil
			}
		}
		l.take(changes)
		return report(), nil
	}
	fs := kvtest.NewCrashFS(seed)
	w := open(t, fs, h, Options{})
	w.create()
	m := w.mapped(func(m *Mapping) {
		m.Report, m.OnError = true, Park
		m.BatchSize, m.Parallel, m.Bisect = 1+dice(20), 1+dice(4), dice(2) == 0
	})
	written := map[string]int{}
	total := 0
	for range 5 {
		for range 20 + dice(60) {
			id := fmt.Sprint("u", dice(6))
			w.put(id, written[id])
			written[id]++
			total++
			switch dice(60) {
			case 0:
				must(t, w.users().Rotate())
			case 1:
				must(t, w.users().Split())
			}
		}
		if dice(3) > 0 { // else the next round goes on here
			fs = fs.Clone(dice(101)) // a power loss, in the middle of everything
			w.stop()
			w = open(t, fs, h, Options{})
		}
	}
	w.await("all of the stream dealt with", func() bool { return w.caughtUp(m.UUID) })
	w.mu.Lock()
	sick = false
	w.mu.Unlock()
	for len(w.parked(m.UUID)) > 0 {
		w.redrive(m.UUID)
	}
	for id, n := range written {
		w.put(id, n)
		total++
	}
	w.await("all taken", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return l.total == total
	})
	w.stop()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// caughtUp reports whether every record of the stream is below a checkpoint.
func (w *world) caughtUp(uuid string) bool {
	m, err := w.find(uuid)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range w.users().Shards() {
		c, err := m.checkpointOf(s.Number)
		if err != nil {
			w.t.Fatal(err)
		}
		page, err := w.users().ReadShard(s.ID, max(s.First, c.Position+1), 1, 1)
		if err != nil || len(page.Records) > 0 {
			return false
		}
	}
	return true
}
