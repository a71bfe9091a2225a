package streams

import (
	"context"
	"sync"
	"time"
)

// A leaseCache is what a worker knows of the lease rows of a stream: the last scan,
// and what this worker wrote or read since.
type leaseCache struct {
	mu       sync.Mutex // guards all fields
	rows     map[string]row
	counters map[string]counterSeen // by shard
	read     map[string]bool        // shards whose records are all in memory or processed here
	asked    map[string]time.Time   // since when this worker asks the owner of a shard for it
	scanned  time.Time              // when the last scan of the rows was sent
	moved    time.Time              // when a checkpoint was last seen to advance
	changed  chan struct{}          // closed at each change
}

// A counterSeen says since when, on this worker's clock, a row has had its counter:
// since the scan that first had it came back, as the owner's write was before.
type counterSeen struct {
	counter uint64
	since   time.Time
}

func newLeaseCache(now time.Time) *leaseCache {
	return &leaseCache{
		rows: map[string]row{}, counters: map[string]counterSeen{}, read: map[string]bool{}, asked: map[string]time.Time{},
		moved: now, changed: make(chan struct{}),
	}
}

// replace takes in the rows of a scan that was sent at begun and came back at end.
// A shard that put has brought to its end meanwhile stays there, as its children
// may have begun.
func (b *leaseCache) replace(all []row, begun, end time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := make(map[string]row, len(all))
	for _, r := range all {
		was, known := b.rows[r.Shard]
		if known && was.done() && !r.done() {
			r = was
		}
		if !known || was.Checkpoint != r.Checkpoint || !was.Reached.Equal(r.Reached) {
			b.moved = end
		}
		if s, ok := b.counters[r.Shard]; !ok || s.counter != r.Counter {
			b.counters[r.Shard] = counterSeen{r.Counter, end}
		}
		rows[r.Shard] = r
	}
	b.rows, b.scanned = rows, begun
	b.wakeLocked()
}

// put takes in one row.
func (b *leaseCache) put(r row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[r.Shard] = r
	b.wakeLocked()
}

// markRead notes that a shard was read to its end.
func (b *leaseCache) markRead(shard string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read[shard] = true
	b.wakeLocked()
}

// wakeLocked wakes all that await: closing a channel reaches each of them.
func (b *leaseCache) wakeLocked() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *leaseCache) get(shard string) (r row, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok = b.rows[shard]
	return r, ok
}

func (b *leaseCache) wasRead(shard string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read[shard]
}

// await returns nil once ready does so, which is asked at each change.
func (b *leaseCache) await(ctx context.Context, ready func() bool) error {
	for {
		// The channel is read before ready looks: a change after the look closes it.
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if ready() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// unfinished returns the rows that are not at their end, for how long the counter of
// each had not changed when the last scan was sent, and when that was.
func (b *leaseCache) unfinished() (rows []row, still map[string]time.Duration, scanned time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	still = map[string]time.Duration{}
	for _, r := range b.rows {
		if !r.done() {
			rows = append(rows, r)
			still[r.Shard] = b.scanned.Sub(b.counters[r.Shard].since)
		}
	}
	return rows, still, b.scanned
}

// leaves reports whether a shard that ended has no child.
func (b *leaseCache) leaves() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents := map[string]bool{}
	for _, r := range b.rows {
		for _, p := range r.Parents {
			parents[p] = true
		}
	}
	for _, r := range b.rows {
		if r.done() && !parents[r.Shard] {
			return true
		}
	}
	return false
}

// looked reports whether there was a scan.
func (b *leaseCache) looked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.scanned.IsZero()
}

// wants notes that this worker asks the owner of a shard for it.
func (b *leaseCache) wants(shard string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[shard] = at
}

// wanting returns for how long this worker has asked for a shard.
func (b *leaseCache) wanting(shard string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.asked[shard]; ok {
		return b.scanned.Sub(at)
	}
	return 0
}
