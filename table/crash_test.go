package table_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A witness remembers the highest version of each item that the outside world
// was told of, by an acknowledged write or by a read.
type witness struct {
	mu   sync.Mutex
	seen map[string]int64 // guarded by mu
}

func (w *witness) tell(row item.Item) {
	id, _ := row.Get("id")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[id.Str()] = max(w.seen[id.Str()], version(row))
}

func (w *witness) snapshot() map[string]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[string]int64, len(w.seen))
	for id, v := range w.seen {
		out[id] = v
	}
	return out
}

func version(row item.Item) int64 {
	var n int64
	v, _ := row.Get("v")
	_, _ = fmt.Sscan(v.Str(), &n)
	return n
}

// P1 and P2 over power losses: whatever a writer was answered or a reader was
// shown is there afterwards; the log replayed gives the table, and the counters
// are true.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			fs := kvtest.NewCrashFS(seed)
			f := fixture{store: kvtest.Open(t, "data", kv.Options{FS: fs})}
			f.reopen(t)
			if _, err := f.tables.Create(users); err != nil {
				t.Fatal(err)
			}
			told, after := run(t, f, func() *kvtest.CrashFS { return fs.Clone(rng.IntN(101)) })
			again := fixture{store: kvtest.Open(t, "data", kv.Options{FS: after})}
			again.reopen(t)
			state := replay(t, again)
			for id, v := range told {
				if got := version(state[id]); got < v {
					t.Errorf("%s: version %d was told, %d is left", id, v, got)
				}
			}
		})
	}
}

// run lets writers and readers loose, and cuts the power while they are at it.
// It returns what had been told before the cut.
func run(t *testing.T, f fixture, cut func() *kvtest.CrashFS) (map[string]int64, *kvtest.CrashFS) {
	w := &witness{seen: map[string]int64{}}
	stop, enough := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for g := range 3 {
		all.Go(func() {
			v := 0
			until(stop, func() bool {
				v++
				row := it(t, `{"id":{"S":"u%d"},"v":{"N":"%d"}}`, g, v)
				if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
					t.Error(err)
					once.Do(func() { close(enough) })
					return false
				}
				w.tell(row)
				if v == 60 {
					once.Do(func() { close(enough) })
				}
				return true
			})
		})
		all.Go(func() { get(t, f, w, g, stop) })
		all.Go(func() { scan(t, f, w, stop) })
	}
	<-enough
	told := w.snapshot()
	after := cut()
	close(stop)
	all.Wait()
	return told, after
}

// get reads one item over and over, and tells what it was shown.
func get(t *testing.T, f fixture, w *witness, id int, stop chan struct{}) {
	key := it(t, `{"id":{"S":"u%d"}}`, id)
	until(stop, func() bool {
		row, err := f.tables.Get(t.Context(), "users", key)
		if err != nil {
			t.Error(err)
		} else if row != nil {
			w.tell(row)
		}
		return err == nil
	})
}

// scan reads all items over and over, and tells what it was shown.
func scan(t *testing.T, f fixture, w *witness, stop chan struct{}) {
	until(stop, func() bool {
		page, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "users"})
		if err != nil {
			t.Error(err)
		}
		for _, row := range page.Items {
			w.tell(row)
		}
		return err == nil
	})
}

// until repeats do while it returns true and stop is open.
func until(stop chan struct{}, do func() bool) {
	for do() {
		select {
		case <-stop:
			return
		default:
		}
	}
}

// replay applies the log from its start, checks that it gives the table and
// that the counters are true, and returns the items.
func replay(t *testing.T, f fixture) map[string]item.Item {
	t.Helper()
	state := map[string]item.Item{}
	for _, r := range records(t, f) {
		id, _ := r.Keys.Get("id")
		if !item.EqualItems(state[id.Str()], r.Old) || (r.Op == stream.Insert) != (state[id.Str()] == nil) {
			t.Fatalf("record %d: old image %v, before it %v", r.Seq, r.Old, state[id.Str()])
		}
		if state[id.Str()] = r.New; r.New == nil {
			delete(state, id.Str())
		}
	}
	page, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "users"})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, row := range page.Items {
		id, _ := row.Get("id")
		if !item.EqualItems(state[id.Str()], row) {
			t.Fatalf("table has %v, log gives %v", row, state[id.Str()])
		}
		size += item.Size(row)
	}
	if d, err := f.tables.Describe("users"); err != nil || len(state) != len(page.Items) || int(d.Items) != len(page.Items) || int(d.Bytes) != size {
		t.Fatalf("log %d, table %d items; counters %d, %d of %d bytes; %v", len(state), len(page.Items), d.Items, d.Bytes, size, err)
	}
	return state
}

// P3 and P4 at the table: crossing writers of few items leave a log in which
// each change builds on the one before it, and none is missing.
func TestCrossingWriters(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 50
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				a, b := (w+i)%3, (w+i+1)%3
				_, err := f.tables.Batch(t.Context(), []table.BatchWrite{
					{Table: "users", Put: it(t, `{"id":{"S":"u%d"},"v":{"N":"%d"}}`, a, w*each+i)},
					{Table: "users", Put: it(t, `{"id":{"S":"u%d"},"v":{"N":"%d"}}`, b, w*each+i)},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	replay(t, f)
	if rs := records(t, f); len(rs) < writers*each {
		t.Errorf("%d records of %d writes", len(rs), 2*writers*each)
	}
}
