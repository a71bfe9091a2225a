package streams_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/remote/streams"
	"github.com/tablecast/tablecast/table"
)

// latest makes a reader start at the latest record.
func latest(o *streams.Options) { o.Start = streams.Latest }

// forget takes what was written so far as if it had never been.
func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = maps.Clone(w.written)
}

// A group that starts at the latest sees nothing of long before and all of what
// is written after Prepare, though the reader that prepared never reads, shards
// are rotated meanwhile, and another reads much later.
func TestLatest(t *testing.T) {
	for _, c := range []struct {
		name  string
		same  bool          // the reader that prepared reads
		later time.Duration // between
	}{{"at once", true, 0}, {"much later", true, time.Hour}, {"another", false, time.Hour}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				for range 3 {
					w.put(ids(20)...)
					time.Sleep(time.Second)
					w.must(w.stream().Rotate())
				}
				w.put(ids(20)...)
				time.Sleep(5 * time.Second)
				x := w.wire(nil)
				o := w.options("a", x)
				latest(&o)
				first := streams.New(o)
				w.must(first.Prepare(t.Context()))
				w.forget()
				w.put(ids(10)...)
				w.must(w.stream().Split())
				w.put(ids(10)...)
				time.Sleep(c.later)
				if !c.same {
					first = streams.New(w.latestOptions("b", x))
				}
				ctx, cancel := context.WithCancel(t.Context())
				k := &worker{Reader: first, wire: x, stop: cancel, done: make(chan error, 1)}
				go func() { k.done <- first.Run(ctx) }()
				time.Sleep(5 * time.Second)
				w.put(ids(10)...)
				time.Sleep(5 * time.Second)
				w.quit(k)
				if err := w.check(); err != nil {
					t.Errorf("%v\n%s", err, w.log.String())
				}
				w.once()
			})
		})
	}
}

func (w *world) latestOptions(name string, x *wire) streams.Options {
	o := w.options(name, x)
	latest(&o)
	return o
}

// At the latest, the reader that prepared reads nothing of what was there: the
// shards that ended are not asked for at all.
func TestLatestReadsNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		for range 20 {
			w.put(ids(4)...)
			time.Sleep(10 * time.Millisecond)
			w.must(w.stream().Rotate())
		}
		w.put(ids(4)...)
		time.Sleep(5 * time.Second)
		open := w.stream().Shards()[20].ID
		var others, horizon atomic.Int32
		w.forget()
		k := w.work("a", latest, func(op, body string, ask func(string) answer) answer {
			if shard, ok := shardOf(body); ok && strings.HasPrefix(op, "Get") && shard != open {
				others.Add(1)
			}
			if strings.Contains(body, "TRIM_HORIZON") && op == "GetShardIterator" {
				horizon.Add(1)
			}
			return ask(body)
		})
		time.Sleep(3 * time.Second)
		w.put(ids(4)...)
		time.Sleep(3 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
		if others.Load() > 0 || horizon.Load() > 0 {
			t.Errorf("%d calls on shards that ended, %d iterators at TRIM_HORIZON", others.Load(), horizon.Load())
		}
	})
}

// A server's LATEST may begin some records early: those of before the start are
// dropped.
func TestLatestHasSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.put(ids(4)...)
		time.Sleep(5 * time.Second)
		w.forget()
		k := w.work("a", latest, func(_, body string, ask func(string) answer) answer {
			return ask(strings.Replace(body, `"LATEST"`, `"TRIM_HORIZON"`, 1))
		})
		time.Sleep(3 * time.Second)
		w.put(ids(4)...)
		time.Sleep(3 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}

// A stream that is disabled is read to its end, then the table's next is read
// from its start, and the next but one, though nobody read meanwhile.
func TestNextStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.put(ids(4)...)
		k := w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		w.put(ids(4)...)
		w.turn(false)
		time.Sleep(30 * time.Second)
		w.turn(true)
		w.put(ids(4)...)
		time.Sleep(10 * time.Second)
		if n := w.missing(); n != 0 {
			t.Errorf("%d changes are missing after the next stream began", n)
		}
		w.quit(k)
		for range 3 {
			w.put(ids(4)...)
			w.turn(false)
			time.Sleep(time.Second)
			w.turn(true)
			w.put(ids(4)...)
		}
		k = w.work("b", latest, nil)
		time.Sleep(30 * time.Second)
		if err := k.Ready(); err != nil {
			t.Error(err)
		}
		w.quit(k)
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.log.String())
		}
		w.once()
	})
}

// A deleted table's stream is read to its end; then Run says that there is no
// table any more.
func TestTableDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.deal = func(sight) error {
			if time.Since(bubbleStart) < 20*time.Second {
				return errors.New("the bus is down")
			}
			return nil
		}
		w.put(ids(8)...)
		k := w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		if _, err := w.tables.Drop("users"); err != nil {
			t.Fatal(err)
		}
		w.written = map[string]int{}
		for _, id := range ids(8) {
			w.written[id] = 1
		}
		select {
		case err := <-k.done:
			if !errors.Is(err, streams.ErrNoTable) {
				t.Error(err)
			}
		case <-time.After(3 * time.Minute):
			t.Error("Run goes on")
			w.quit(k)
		}
		if n := w.missing(); n != 0 {
			t.Errorf("%d changes are missing", n)
		}
	})
}

// What cannot begin says why and what to do.
func TestNothingToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		if _, err := w.tables.Create(table.Spec{Name: "plain", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}}); err != nil {
			t.Fatal(err)
		}
		w.table = "plain"
		if err := streams.New(w.options("a", w.wire(nil))).Run(t.Context()); !errors.Is(err, streams.ErrNoStream) || !strings.Contains(err.Error(), "update-table --table-name plain") {
			t.Error(err)
		}
		w.table = "none"
		if err := streams.New(w.options("a", w.wire(nil))).Prepare(t.Context()); !errors.Is(err, streams.ErrNoTable) {
			t.Error(err)
		}
		w.table = "users"
		w.turn(false)
		if err := streams.New(w.latestOptions("a", w.wire(nil))).Prepare(t.Context()); !errors.Is(err, streams.ErrNoStream) {
			t.Error(err)
		}
		denied := w.wire(func(string, string, func(string) answer) answer { return refusal("AccessDeniedException") })
		if err := streams.New(w.options("a", denied)).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Error(err)
		}
	})
}

// The state table is made once, and another table is refused.
func TestEnsureState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.must(streams.EnsureState(t.Context(), w.wire(nil).tables(), state))
		if attribute, _, err := w.tables.TTL(state); err != nil || attribute != "expires" {
			t.Error(attribute, err)
		}
		if err := streams.EnsureState(t.Context(), w.wire(nil).tables(), "users"); !errors.Is(err, streams.ErrState) {
			t.Error(err)
		}
		raced := w.wire(func(op, body string, ask func(string) answer) answer {
			if op == "CreateTable" {
				ask(body) // another worker is first
			}
			return ask(body)
		})
		w.must(streams.EnsureState(t.Context(), raced.tables(), "another"))
	})
}
