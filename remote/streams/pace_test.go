package streams_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/remote/streams"
)

// onePage makes each page of records so long, so that a backlog takes many
// calls.
func onePage(op, body, limit string) string {
	if op == "GetRecords" {
		return `{"Limit":` + limit + `,` + body[1:]
	}
	return body
}

// callTimes keeps when a shard was read.
type callTimes struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (c *callTimes) note(body string) {
	shard, _ := shardOf(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at = map[string][]time.Time{}
	}
	c.at[shard] = append(c.at[shard], time.Now())
}

// Each shard is read at most five times in any second, and with a backlog no
// slower; -1 is no bound at all. Without records, it is asked at most four times
// a second.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct{ perSecond, least, most int }{"the service": {0, 10, 5}, "unbounded": {-1, 60, 60}, "two": {2, 4, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				for range 60 {
					w.put("u0")
				}
				var calls callTimes
				k := w.work("a", func(o *streams.Options) { o.CallsPerSecond = c.perSecond }, func(op, body string, ask func(string) answer) answer {
					if op == "GetRecords" {
						calls.note(body)
					}
					return ask(onePage(op, body, "1"))
				})
				time.Sleep(2*time.Second - time.Millisecond)
				synctest.Wait()
				if n := len(w.sights()); n < c.least {
					t.Errorf("%d records in two seconds, want %d", n, c.least)
				}
				time.Sleep(2 * time.Minute)
				before := k.wire.count("GetRecords")
				time.Sleep(time.Minute)
				if n := k.wire.count("GetRecords") - before; n > 240 {
					t.Errorf("%d calls in an idle minute", n)
				}
				w.quit(k)
				for _, at := range calls.at {
					for i := range len(at) - c.most {
						if d := at[i+c.most].Sub(at[i]); d < time.Second && c.perSecond >= 0 {
							t.Fatalf("%d calls within %v", c.most+1, d)
						}
					}
				}
				if err := w.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A shard that is throttled is asked more and more seldom, and the others as
// ever; it recovers by itself.
func TestThrottledShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		slow := w.stream().Shards()[0].ID
		var throttle atomic.Bool
		throttle.Store(true)
		var refused callTimes
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			if shard, _ := shardOf(body); op == "GetRecords" && shard == slow && throttle.Load() {
				refused.note(body)
				return refusal("ThrottlingException")
			}
			return ask(body)
		})
		time.Sleep(2 * time.Second)
		w.put(ids(16)...)
		time.Sleep(time.Second)
		fast := len(w.sights())
		if fast == 0 || fast == 16 {
			t.Errorf("%d of 16 changes came while one of two shards was throttled", fast)
		}
		time.Sleep(time.Minute)
		refused.mu.Lock()
		n := len(refused.at[slow])
		refused.mu.Unlock()
		if n > 40 {
			t.Errorf("%d calls in about a minute of throttling", n)
		}
		throttle.Store(false)
		time.Sleep(30 * time.Second)
		w.put(ids(16)...)
		time.Sleep(2 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}

var sizeBytes = regexp.MustCompile(`"SizeBytes":(\d+)`)

// The records of all shards that are in memory fit the bound, and a handler
// that hangs on some shards leaves room for the others.
func TestPrefetchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 6)
		for range 6 {
			w.putLarge(ids(16)...)
		}
		var mu sync.Mutex
		var free string // the shard whose handler does not hang
		var handed, fetched, most int64
		gate := make(chan struct{})
		k := w.work("a", func(o *streams.Options) {
			o.Prefetch, o.CallsPerSecond = 8<<20, -1
			take := o.Handle
			o.Handle = func(ctx context.Context, b streams.Batch) error {
				mu.Lock()
				if free == "" {
					free = b.Shard
				}
				hang := b.Shard != free
				mu.Unlock()
				if hang {
					<-gate
				}
				mu.Lock()
				for _, r := range b.Records {
					handed += int64(r.Size)
				}
				mu.Unlock()
				return take(ctx, b)
			}
		}, func(op, body string, ask func(string) answer) answer {
			a := ask(onePage(op, body, "1"))
			if op == "GetRecords" && strings.Contains(string(a.body), "eventID") {
				size, err := strconv.ParseInt(sizeBytes.FindStringSubmatch(string(a.body))[1], 10, 64)
				w.must(err)
				mu.Lock()
				fetched += size
				most = max(most, fetched-handed)
				mu.Unlock()
			}
			return a
		})
		time.Sleep(time.Minute)
		mu.Lock()
		if most > 8<<20 || most < 3<<20 {
			t.Errorf("%d bytes were in memory", most)
		}
		mu.Unlock()
		done := 0
		for _, s := range w.sights() {
			if s.shard == free {
				done++
			}
		}
		if done < 6 {
			t.Errorf("%d records of the shard that does not hang", done)
		}
		close(gate)
		time.Sleep(time.Minute)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}

// The first page of a child is there before its parent is dealt with.
func TestChildrenArePrefetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		root := w.stream().Shards()[0].ID
		var hang atomic.Bool
		hang.Store(true)
		w.deal = func(s sight) error {
			if hang.Load() && s.shard == root {
				return errors.New("the bus is down")
			}
			return nil
		}
		w.put(ids(4)...)
		time.Sleep(time.Millisecond)
		w.must(w.stream().Split())
		w.put(ids(4)...)
		var children atomic.Int32
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			a := ask(body)
			if shard, _ := shardOf(body); op == "GetRecords" && shard != root && strings.Contains(string(a.body), "eventID") {
				children.Add(1)
			}
			return a
		})
		time.Sleep(10 * time.Second)
		if n := children.Load(); n != 2 {
			t.Errorf("records of %d children were fetched", n)
		}
		if len(w.sights()) > 0 {
			t.Errorf("%v", w.sights())
		}
		hang.Store(false)
		time.Sleep(30 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}
