package bus

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/kv"
)

func (w *world) publish(bus string, ids ...string) []Result {
	w.t.Helper()
	var entries []Entry
	for _, id := range ids {
		entries = append(entries, Entry{Bus: bus, Source: "s", DetailType: "T", Detail: []byte(`{}`), DeduplicationID: id, Group: "g"})
	}
	results, err := w.Put(w.t.Context(), entries)
	w.must(err)
	return results
}

// An id is one event within the window, of its bus, in one call and in several,
// before and after a restart; then it is forgotten.
func TestDeduplication(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.must(w.Create(Bus{Name: "main"}))
		stop := w.run()
		defer func() { stop() }()
		got := w.publish(Default, "a", "b", "a", "")
		first := got[0]
		if first.Duplicate || got[1].Duplicate || got[2] != (Result{ID: first.ID, Duplicate: true}) || got[3].Duplicate {
			w.t.Errorf("one call: %+v", got)
		}
		if got := w.publish("main", "a")[0]; got.Duplicate {
			w.t.Errorf("the id of another bus counts: %+v", got)
		}
		after(5*time.Minute - time.Second)
		stop()
		w.reopen()
		stop = w.run()
		if got := w.publish(Default, "a")[0]; got.ID != first.ID || !got.Duplicate {
			w.t.Errorf("within the window: %+v, want a repeat of %s", got, first.ID)
		}
		after(time.Second)
		second := w.publish(Default, "a")[0]
		if second.Duplicate {
			w.t.Errorf("after the window: %+v", second)
		}
		after(3 * time.Minute) // the first use is forgotten, the second is not
		if got := w.publish(Default, "a")[0]; got.ID != second.ID {
			w.t.Errorf("%+v, want a repeat of %s", got, second.ID)
		}
		after(10 * time.Minute)
		it := w.store.Scan(kv.Prefix([]byte{'w'}))
		if it.Next() {
			w.t.Errorf("%x is remembered", it.Key())
		}
		w.must(it.Close())
		if n := len(w.stored(Default)); n != 4 {
			w.t.Errorf("%d events, want 4", n)
		}
	})
}

// Of many who publish an id at once, one is accepted.
func TestConcurrentDeduplication(t *testing.T) {
	w := memory(t, Options{})
	var accepted atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := range 20 {
				ids := []string{fmt.Sprint("id", i), fmt.Sprint("id", 19-i)}
				for _, r := range w.publish(Default, ids...) {
					if !r.Duplicate {
						accepted.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(w.stored(Default)); n != 20 || accepted.Load() != 20 {
		t.Errorf("%d events, %d accepted, want 20", n, accepted.Load())
	}
}

// What fails keeps its id for another try.
func TestFailedEntryKeepsItsID(t *testing.T) {
	w := memory(t, Options{StrictBus: true})
	if got := w.publish("missing", "a")[0]; got.Err == nil {
		t.Fatalf("%+v", got)
	}
	w.must(w.Create(Bus{Name: "missing"}))
	if got := w.publish("missing", "a")[0]; got.Err != nil || got.Duplicate {
		t.Errorf("%+v", got)
	}
}

// An id that is used again while it expires is remembered from then on.
func TestExpiryMeetsUse(t *testing.T) {
	var now atomic.Int64
	w := memory(t, Options{Now: func() time.Time { return time.UnixMilli(now.Load()) }})
	var ids [][]string
	for i := range 30 {
		var call []string
		for j := range 10 {
			call = append(call, fmt.Sprintf("id-%d-%d", i, j))
		}
		ids = append(ids, call)
	}
	for round := range 20 {
		now.Add((5 * time.Minute).Milliseconds() + 1)
		var both sync.WaitGroup
		both.Go(func() {
			if err := w.expireDedup(); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			for _, call := range ids {
				w.publish(Default, call...)
			}
		})
		both.Wait()
		for _, call := range ids {
			for _, r := range w.publish(Default, call...) {
				if !r.Duplicate {
					t.Fatalf("round %d: %+v is no duplicate", round, r)
				}
			}
		}
	}
}

// A bus that is made anew knows no ids of the one that had its name.
func TestDeduplicationOfANewBus(t *testing.T) {
	w := memory(t, Options{})
	w.must(w.Create(Bus{Name: "main"}))
	first := w.publish("main", "a")[0]
	w.must(w.Delete("main"))
	w.must(w.Create(Bus{Name: "main"}))
	if got := w.publish("main", "a")[0]; got.Duplicate || got.ID == first.ID {
		t.Errorf("%+v is a duplicate of an event that was deleted with its bus", got)
	}
	if got := w.stored("main"); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}
