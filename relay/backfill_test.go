package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

func deleteOf(id string) table.DeleteRequest {
	return table.DeleteRequest{Table: "users", Key: item.MapOf(item.Field{Name: "id", Value: item.S(id)})}
}

// finished waits for the end of the backfill.
func finished(t *testing.T, f *folder, r *Relay) Backfill {
	t.Helper()
	await(t, r, func(Status) bool {
		all, err := Backfills(f.store, "users")
		return err == nil && len(all) == 1 && all[0].Done
	})
	all, _ := Backfills(f.store, "users")
	return all[0]
}

// A backfill raises one event for each item that is there.
func TestBackfill(t *testing.T) {
	f := newFolder(t)
	for n := range 250 {
		f.write(user(n), `,"n":{"N":"1"}`)
	}
	f.write("bad", ``)
	r := f.relay(Options{}, raising("E"))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "No", "run", 0); !errors.Is(err, ErrNoDefinition) {
			t.Error(err)
		}
		if err := r.StopBackfill(t.Context()); !errors.Is(err, ErrNoBackfill) {
			t.Error(err)
		}
		if _, err := r.StartBackfill(t.Context(), "E", "run", 0); err != nil {
			t.Fatal(err)
		}
		b := finished(t, f, r)
		if b.Items != 251 || b.Events != 250 || b.Run != "run" {
			t.Errorf("%+v", b)
		}
	})
	seen := map[string]int{}
	for _, e := range f.events() {
		seen[e]++
	}
	if len(seen) != 250 || len(f.events()) != 250 || f.reasons() != "bad: fails" {
		t.Errorf("%d events, %d of them different, parked %s", len(f.events()), len(seen), f.reasons())
	}
}

// A rate is kept, a second backfill refused, and one that is stopped goes on no
// more.
func TestBackfillRate(t *testing.T) {
	f := newFolder(t)
	for n := range 30 {
		f.write(user(n), `,"n":{"N":"1"}`)
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	r := f.relay(Options{Now: clock}, raising("E"))
	count := func(n int) func(Status) bool {
		return func(Status) bool {
			all, err := Backfills(f.store, "users")
			return err == nil && len(all) == 1 && all[0].Items == n
		}
	}
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "E", "run", 10); err != nil {
			t.Fatal(err)
		}
		if _, err := r.StartBackfill(t.Context(), "E", "other", 0); !errors.Is(err, ErrBackfilling) {
			t.Error(err)
		}
		await(t, r, count(10))
		f.put("x") // something for the relay to do, but not yet the next page
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		await(t, r, count(10))
		mu.Lock()
		now = now.Add(time.Second)
		mu.Unlock()
		f.put("y")
		await(t, r, count(20))
		if err := r.StopBackfill(t.Context()); err != nil {
			t.Error(err)
		}
		if all, err := Backfills(f.store, "users"); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
	})
}

// While items change, go and come, and the power fails in between, the states
// that events show of an item never go back, and the last is the item's.
func TestBackfillAmongChanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for cycle := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, cycle))
		backfillAmongChanges(t, rng)
	}
}

func backfillAmongChanges(t *testing.T, rng *rand.Rand) {
	f := openFolder(t, vfs.NewMem())
	f.create()
	version := map[string]int{}
	change := func() {
		id := user(rng.IntN(300))
		version[id]++
		f.write(id, fmt.Sprintf(`,"n":{"N":"%d"}`, version[id]))
	}
	for range 400 { // before the definition begins
		change()
	}
	broken := errors.New("broken")
	breaks := rand.New(rand.NewPCG(rng.Uint64(), 0))
	failing := func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		if breaks.IntN(4) == 0 {
			return broken
		}
		return f.keep(ctx, events, mark)
	}
	r := f.relay(Options{Sink: failing}, raising("E"))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "E", "run", 0); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			change()
		}
	})
	r = f.relay(Options{}, raising("E")) // the node starts again
	runs(t, r, func() {
		for range 100 {
			change()
		}
		finished(t, f, r)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
	})
	shown := map[string]int{}
	for _, e := range f.events() {
		var d struct {
			ID string `json:"id"`
			N  int    `json:"n"`
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(e, "E ")), &d); err != nil {
			t.Fatal(err)
		}
		if d.N < shown[d.ID] {
			t.Errorf("%s went back from %d to %d", d.ID, shown[d.ID], d.N)
		}
		shown[d.ID] = d.N
	}
	for id, n := range version {
		if shown[id] != n {
			t.Errorf("%s is %d, and the last event showed %d", id, n, shown[id])
		}
	}
	f.uniqueIDs()
}

// uniqueIDs checks that no event was kept twice.
func (f *folder) uniqueIDs() {
	f.t.Helper()
	seen := map[string]bool{}
	it := f.store.Scan(kv.Prefix(kv.NewKey('e')))
	for it.Next() {
		e, err := event.DecodeBinary(it.Value())
		if err != nil {
			f.t.Fatal(err)
		}
		if seen[e.ID] {
			f.t.Errorf("event %s %s was kept twice", e.ID, e.Detail)
		}
		seen[e.ID] = true
	}
	if err := it.Close(); err != nil {
		f.t.Fatal(err)
	}
}
