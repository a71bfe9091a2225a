package streams

import (
	"context"
	"sync"
)

// A budget bounds the bytes of records in memory. A request for more than all of it
// is granted when nothing else is. Shards that have records in memory already may
// use a half of it, so that those whose Handler hangs leave room for the others.
type budget struct {
	mu    sync.Mutex
	size  int64
	used  int64         // guarded by mu
	freed chan struct{} // closed when bytes come back; guarded by mu
}

func newBudget(size int64) *budget { return &budget{size: size, freed: make(chan struct{})} }

// take waits for n bytes; more says whether they are not a shard's first, which
// may change when bytes come back.
func (b *budget) take(ctx context.Context, n int64, more func() bool) error {
	for {
		b.mu.Lock()
		size := b.size
		if more() {
			size /= 2
		}
		if b.used == 0 || b.used+n <= size {
			b.used += n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-freed:
		}
	}
}

// give returns n bytes; below 0 it takes more without waiting.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used -= n; n >= 0 {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}
