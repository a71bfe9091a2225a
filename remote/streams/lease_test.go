package streams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/remote/streams"
)

// shares returns how many shards each worker holds, by its own word.
func shares(workers ...*worker) []int {
	out := make([]int, len(workers))
	for i, k := range workers {
		for _, sh := range k.Status().Shards {
			if sh.Mine {
				out[i]++
			}
		}
	}
	return out
}

// Workers come to hold equal shares, and those that join get theirs one by one
// without any record being seen twice: shards are handed over, not torn away.
func TestBalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 6)
		var workers []*worker
		for i, want := range []string{"[6]", "[3 3]", "[2 2 2]"} {
			workers = append(workers, w.work(fmt.Sprint("w", i), nil, nil))
			for range 60 {
				w.put(ids(20)...)
				time.Sleep(time.Second)
			}
			if got := fmt.Sprint(shares(workers...)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		w.quit(workers...)
		if err := w.check(); err != nil {
			t.Error(err)
		}
		w.once()
	})
}

// The shards of a worker that was killed are read by the others within the
// failover time, 10 s by default; those of one that ended, at once.
func TestFailover(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*worker)
		within time.Duration
	}{"killed": {(*worker).kill, 10 * time.Second}, "ended": {func(k *worker) { k.stop() }, 2 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 4)
				a, b := w.work("a", nil, nil), w.work("b", nil, nil)
				time.Sleep(30 * time.Second)
				if got := fmt.Sprint(shares(a, b)); got != "[2 2]" {
					t.Fatal(got)
				}
				c.end(a)
				w.put(ids(20)...)
				time.Sleep(c.within)
				if n := w.missing(); n != 0 {
					t.Errorf("%d changes are missing after %v:\n%s", n, c.within, w.log.String())
				}
				w.quit(a, b)
				if err := w.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A worker that hangs keeps nothing: when it is wanted to hand over and does
// not, its shard is taken all the same.
func TestHandOverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		var hang atomic.Bool
		gate := make(chan struct{})
		a := w.work("a", func(o *streams.Options) {
			take := o.Handle
			o.Handle = func(ctx context.Context, b streams.Batch) error {
				if hang.Load() {
					<-gate // deaf to ctx
				}
				return take(ctx, b)
			}
		}, nil)
		time.Sleep(10 * time.Second)
		hang.Store(true)
		w.put(ids(8)...)
		b := w.work("b", nil, nil)
		time.Sleep(time.Minute)
		if got := fmt.Sprint(shares(b)); got != "[1]" {
			t.Errorf("the other holds %s", got)
		}
		close(gate)
		time.Sleep(10 * time.Second)
		w.quit(a, b)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}

// rowOf returns a shard's row of the state table.
func (w *world) rowOf(group, shard string) map[string]types.AttributeValue {
	w.t.Helper()
	out, err := w.wire(nil).tables().GetItem(w.t.Context(), &dynamodb.GetItemInput{TableName: aws.String(state), Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "lease#" + group + "#" + w.stream().ARN()}, "sk": &types.AttributeValueMemberS{Value: shard},
	}})
	w.must(err)
	return out.Item
}

func textOf(v types.AttributeValue) string { s, _ := v.(*types.AttributeValueMemberS); return s.Value }

// A worker that lost its lease while its write was under way writes nothing:
// the write comes late and is refused.
func TestLateWriteIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		shard := w.stream().Shards()[0].ID
		var late atomic.Bool
		release, arrived := make(chan struct{}), make(chan answer, 100)
		a := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			if op == "UpdateItem" && late.Load() {
				<-release
				x := ask(body)
				arrived <- x
				return x
			}
			return ask(body)
		})
		time.Sleep(5 * time.Second)
		late.Store(true)
		w.put("u0")
		time.Sleep(5 * time.Second) // the change is dealt with; the checkpoint is on its way
		b := w.work("b", nil, nil)
		time.Sleep(30 * time.Second)
		w.put("u0")
		time.Sleep(5 * time.Second)
		before := w.rowOf("g", shard)
		close(release)
		if x := <-arrived; x.status != 400 || !strings.Contains(string(x.body), "ConditionalCheckFailed") {
			t.Errorf("the late write was answered %d %s", x.status, x.body)
		}
		if after := w.rowOf("g", shard); textOf(after["checkpoint"]) != textOf(before["checkpoint"]) || !strings.HasPrefix(textOf(after["leaseOwner"]), "b/") {
			t.Errorf("%v", after)
		}
		w.quit(a, b)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}

// A checkpoint is written after the handler took the records, never before.
func TestCheckpointAfterHandling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		shard := w.stream().Shards()[0].ID
		w.deal = func(s sight) error {
			if s.n == 1 {
				return errors.New("the bus is down")
			}
			return nil
		}
		a := w.work("a", nil, nil)
		time.Sleep(5 * time.Second)
		w.put("u0")
		time.Sleep(5 * time.Second)
		before := textOf(w.rowOf("g", shard)["checkpoint"])
		w.put("u0")
		time.Sleep(time.Minute)
		if after := textOf(w.rowOf("g", shard)["checkpoint"]); after != before || before != w.sights()[0].sequence {
			t.Errorf("checkpoint %s, then %s; one change was taken: %v", before, after, w.sights())
		}
		if st := a.Status().Shards; len(st) != 1 || st[0].Error != "the bus is down" {
			t.Errorf("%+v", st)
		}
		w.deal = nil
		w.quit(a)
	})
}

// Groups do not disturb each other; with a third, there is a warning.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		var workers []*worker
		var mu sync.Mutex
		seen := map[string]int{}
		for i, group := range []string{"first", "second", "third"} {
			workers = append(workers, w.work(group, func(o *streams.Options) {
				o.Group = group
				o.Handle = func(_ context.Context, b streams.Batch) error {
					mu.Lock()
					defer mu.Unlock()
					seen[group] += len(b.Records)
					return nil
				}
			}, nil))
			time.Sleep(time.Second)
			if warned := w.log.count("more than 2 groups"); warned != max(i-1, 0) {
				t.Errorf("%d groups: %d warnings", i+1, warned)
			}
		}
		w.put(ids(8)...)
		time.Sleep(10 * time.Second)
		w.quit(workers...)
		if seen["first"] != 8 || seen["second"] != 8 || seen["third"] != 8 {
			t.Errorf("%v", seen)
		}
	})
}
