package streams

import (
	"context"
	"sync"
	"time"
)

// A board is what a worker knows of the shards of a stream.
type board struct {
	mu      sync.Mutex
	rows    map[string]row
	sights  map[string]sight // of rows that others own
	read    map[string]bool  // shards whose records are all in memory or dealt with here
	asked   map[string]time.Time
	scanned time.Time     // when the last look at the rows was begun
	moved   time.Time     // when a row was last seen to come further
	changed chan struct{} // closed at each change
}

// A sight is since when a row has had its counter, on this worker's clock.
type sight struct {
	counter uint64
	since   time.Time
}

func newBoard(now time.Time) *board {
	return &board{
		rows: map[string]row{}, sights: map[string]sight{}, read: map[string]bool{}, asked: map[string]time.Time{},
		moved: now, changed: make(chan struct{}),
	}
}

// replace takes in all rows, which were asked for at begun and came at end.
// What ended stays ended: the rows may have been read before.
func (b *board) replace(all []row, begun, end time.Time) {
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
		if s, ok := b.sights[r.Shard]; !ok || s.counter != r.Counter {
			b.sights[r.Shard] = sight{r.Counter, end}
		}
		rows[r.Shard] = r
	}
	b.rows, b.scanned = rows, begun
	b.wake()
}

// put takes in one row.
func (b *board) put(r row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[r.Shard] = r
	b.wake()
}

// markRead notes that a shard was read to its end.
func (b *board) markRead(shard string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read[shard] = true
	b.wake()
}

// wake tells those who wait. The caller holds mu.
func (b *board) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) get(shard string) (r row, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok = b.rows[shard]
	return r, ok
}

func (b *board) wasRead(shard string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read[shard]
}

// await returns nil once ready does so, which is asked at each change.
func (b *board) await(ctx context.Context, ready func() bool) error {
	for {
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

// unfinished returns the rows that are not at their end, how long each has not
// changed as of when the last look was begun, and when that was.
func (b *board) unfinished() (rows []row, still map[string]time.Duration, scanned time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	still = map[string]time.Duration{}
	for _, r := range b.rows {
		if !r.done() {
			rows = append(rows, r)
			still[r.Shard] = b.scanned.Sub(b.sights[r.Shard].since)
		}
	}
	return rows, still, b.scanned
}

// leaves reports whether a shard that ended has no child.
func (b *board) leaves() bool {
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

// looked reports whether the rows are known.
func (b *board) looked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.scanned.IsZero()
}

// wants notes that this worker asks for a row.
func (b *board) wants(shard string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[shard] = at
}

// wanting returns for how long this worker has asked for a row.
func (b *board) wanting(shard string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.asked[shard]; ok {
		return b.scanned.Sub(at)
	}
	return 0
}
