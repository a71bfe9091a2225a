package streams_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/remote/streams"
)

// retain lets the server trim records, as it does after 24 hours, until what it
// returns is called.
func (w *world) retain() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.streams.Run(ctx) }()
	return func() {
		cancel()
		w.must(<-done)
	}
}

// Records that were trimmed while nobody read are a gap, which is counted and
// told, and the reader goes on with the oldest that is left.
func TestTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		defer w.retain()()
		w.put("u0")
		k := w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		w.quit(k)
		w.put("u0", "u1") // these are lost
		time.Sleep(26 * time.Hour)
		w.put("u0", "u1")
		time.Sleep(time.Second)
		k = w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		if st := k.Status(); st.Gaps != 1 || len(st.Shards) != 1 || st.Shards[0].Gaps != 1 {
			t.Errorf("%+v", st)
		}
		w.quit(k)
		if n := w.log.count("gap"); n != 1 {
			t.Errorf("%d gaps were logged:\n%s", n, w.log.String())
		}
		var got []int
		for _, s := range w.sights() {
			got = append(got, s.n)
		}
		if len(got) != 3 || got[0] != 0 || got[1] != 2 || got[2] != 1 {
			t.Errorf("changes %v", got)
		}
	})
}

// A child that was found and then trimmed before it was ever read is a gap,
// too, though its reading begins where it is.
func TestTrimmedBeforeFirstRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		defer w.retain()()
		w.put("u0")
		var down atomic.Bool
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			if down.Load() && strings.HasPrefix(op, "Get") && strings.Contains(op, "Shard") { // the child is found, never read
				return answer{err: errors.New("no route")}
			}
			return ask(body)
		})
		time.Sleep(5 * time.Second)
		down.Store(true)
		w.must(w.stream().Rotate())
		time.Sleep(5 * time.Second)
		w.quit(k)
		w.put("u0") // lost
		time.Sleep(26 * time.Hour)
		w.put("u0")
		k = w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		w.quit(k)
		if n := w.log.count("gap"); n != 1 {
			t.Errorf("%d gaps were logged:\n%s", n, w.log.String())
		}
		if got := w.sights(); len(got) != 2 || got[1].n != 2 {
			t.Errorf("%v", got)
		}
	})
}

// A shard that vanished while it was read is a gap, and its children are read;
// one that cannot be found for a moment is none.
func TestVanished(t *testing.T) {
	for name, c := range map[string]struct{ times, gaps int }{"for good": {1 << 30, 1}, "for a moment": {3, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				root := w.stream().Shards()[0].ID
				w.put("u0", "u1")
				var hide atomic.Bool
				refused := 0
				k := w.work("a", nil, serial(func(op, body string, ask func(string) answer) answer {
					a := ask(body)
					if hide.Load() && refused < c.times && strings.HasPrefix(op, "Get") && strings.Contains(body, "Shard") {
						it, _ := shardOf(body)
						if it == root {
							refused++
							return refusal("ResourceNotFoundException")
						}
					}
					return a
				}))
				time.Sleep(5 * time.Second)
				hide.Store(true)
				time.Sleep(time.Second)
				w.must(w.stream().Rotate())
				w.put("u0", "u1")
				time.Sleep(20 * time.Second)
				if st := k.Status(); st.Gaps != uint64(c.gaps) {
					t.Errorf("%+v", st)
				}
				w.quit(k)
				if n := w.log.count("gap"); n != c.gaps {
					t.Errorf("%d gaps were logged:\n%s", n, w.log.String())
				}
				if err := w.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A stream that vanished with what was not read of it is a gap, and the
// table's next is followed.
func TestStreamVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.retain()()
		w.put(ids(4)...)
		k := w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		w.quit(k)
		w.turn(false)
		time.Sleep(50 * time.Hour)
		w.turn(true)
		w.put(ids(4)...)
		k = w.work("a", func(o *streams.Options) { o.Failover = time.Minute }, nil)
		time.Sleep(5 * time.Minute)
		w.quit(k)
		if w.log.count("gap") == 0 {
			t.Error("no gap was told of")
		}
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.log.String())
		}
	})
}
