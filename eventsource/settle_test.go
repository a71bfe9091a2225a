package eventsource

import (
	"context"
	"fmt"
	"path"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A gate is a disk whose syncs of the log wait while it is shut.
type gate struct {
	mu   sync.Mutex
	open *sync.Cond
	shut bool // guarded by mu
}

func newGate() *gate {
	g := &gate{}
	g.open = sync.NewCond(&g.mu)
	return g
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	g.open.Broadcast()
}

// MaybeError implements errorfs.Injector.
func (g *gate) MaybeError(op errorfs.Op) error {
	sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if ok, _ := path.Match("*.log", path.Base(op.Path)); !ok || !sync {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.open.Wait()
	}
	return nil
}

// String implements errorfs.Injector.
func (g *gate) String() string { return "gate" }

// While the disk syncs the checkpoint of one lane, other lanes of the shard hand
// over and settle their batches, and the shard is read on.
func TestLanesSettleBesideEachOther(t *testing.T) {
	const lanes = 4
	g := newGate()
	w := open(t, errorfs.Wrap(vfs.NewMem(), g), takeAll, Options{})
	w.create()
	var ids []string // of one shard, one for each lane
	shardOf := map[string]string{}
	taken := map[uint64]bool{}
	for i := 0; len(ids) < lanes; i++ {
		id := fmt.Sprint("u", i)
		lane := xxhash.Sum64String(`{"id":{"S":"`+id+`"}}`) % lanes
		if taken[lane] {
			continue
		}
		w.put(id, 0)
		for _, info := range w.users().Shards() {
			page, err := w.users().ReadShard(info.ID, info.First, 1000, 1<<20)
			must(t, err)
			for _, r := range page.Records {
				v, _ := r.Keys.Get("id")
				shardOf[v.Str()] = info.ID
			}
		}
		if shardOf[id] == shardOf[first(ids, id)] {
			taken[lane] = true
			ids = append(ids, id)
		}
	}
	for n := range 3 * pageSize / lanes { // more than is read at once
		for _, id := range ids {
			w.put(id, n+1)
		}
	}
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.Parallel, m.Enabled = 1, lanes, false })
	r, err := w.find(m.UUID)
	must(t, err)
	w.await("disabled", func() bool { return w.status(m.UUID).State == Disabled })

	var s *shard
	for _, info := range w.users().Shards() {
		if info.ID == shardOf[ids[0]] {
			s, err = r.open(w.users(), info)
			must(t, err)
		}
	}
	g.set(true)
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { s.run(context.Background(), stop) })
	defer running.Wait()
	defer close(stop)
	defer g.set(false)
	w.await("a settled batch of each lane, and a shard that is read on", func() bool {
		if !s.mu.TryLock() { // held over a sync it would be for ever
			return false
		}
		defer s.mu.Unlock()
		return s.cp.Delivered >= lanes && len(s.pending) > 2*pageSize
	})
	if d := w.status(m.UUID).Delivered; d != 0 {
		t.Errorf("%d are counted before they are durable", d)
	}
	g.set(false)
	w.await("records that are delivered", func() bool { return w.status(m.UUID).Delivered > 2*lanes })
}

func first(ids []string, or string) string {
	if len(ids) > 0 {
		return ids[0]
	}
	return or
}
