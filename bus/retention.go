package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/kv"
)

const (
	// trimEvery is the pause between two rounds of retention.
	trimEvery = time.Minute
	// watermarksPerRetention is the resolution of ages: an event is removed at
	// most this part of the retention, and one round, late.
	watermarksPerRetention = 24
)

// A retentionState measures the age of events by the uptime of nodes, so that
// neither a clock that jumps nor time that no node ran removes an event. It is
// stored as JSON, under the names of its first form.
type retentionState struct {
	// Uptime is how long nodes have run on this store, in milliseconds.
	Uptime int64 `json:"ran"`
	// Watermarks say which seq was the last one at some uptimes, oldest first.
	Watermarks []watermark `json:"marks"`
	// Expired is the seq up to which all events are past the retention.
	Expired uint64 `json:"expired"`
}

// A watermark says that all events up to Seq were accepted before Uptime was At.
type watermark struct {
	At  int64  `json:"at"`
	Seq uint64 `json:"seq"`
}

var retentionKey = kv.NewKey('e').String("")

// advance adds to the uptime. seq is the last durable one at that moment.
func (l *retentionState) advance(by time.Duration, seq uint64, retention time.Duration) {
	l.Uptime += by.Milliseconds()
	for len(l.Watermarks) > 0 && l.Watermarks[0].At <= l.Uptime-retention.Milliseconds() {
		l.Expired = l.Watermarks[0].Seq
		l.Watermarks = l.Watermarks[1:]
	}
	step := retention.Milliseconds() / watermarksPerRetention
	if n := len(l.Watermarks); n == 0 || l.Watermarks[n-1].At+step <= l.Uptime {
		l.Watermarks = append(l.Watermarks, watermark{l.Uptime, seq})
	}
}

// Run removes events that are past their retention, carries out replays and fires
// schedules, until ctx ends. Only one Run may be active.
func (b *Buses) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	workers.Go(func() { b.runReplays(ctx) })
	workers.Go(func() { b.runSchedules(ctx) })
	return b.runRetention(ctx)
}

// runRetention removes events that are past their retention, until ctx ends.
func (b *Buses) runRetention(ctx context.Context) error {
	var l retentionState
	err := b.store.View(retentionKey, func(v []byte) error { return kv.Unmarshal(v, &l) })
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("bus: retention: %w", err)
	}
	last := time.Now()
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		// seq before the time is added: what is accepted in between counts as
		// younger than it is, never as older.
		seq := b.store.Durable()
		passed := time.Since(last).Truncate(time.Millisecond)
		last = last.Add(passed)
		l.advance(passed, seq, b.opts.Retention)
		// Without redrive, which brings back rows of events that OldestPending
		// has just said nobody needs.
		if err := b.queues.WithoutRedrive(func() error { return b.trim(&l) }); err != nil {
			b.opts.Logger.Warn("bus: retention", "error", err)
		}
		if err := b.expireDedup(); err != nil {
			b.opts.Logger.Warn("bus: deduplication ids", "error", err)
		}
	}
	return nil
}

// trim removes the events that are expired and that no delivery is pending for,
// and stores the state in the same batch. It does nothing while no event is
// stored, so that an idle node does not write.
func (b *Buses) trim(l *retentionState) error {
	some, err := b.hasEvents()
	if err != nil || !some {
		return err
	}
	batch := b.store.NewBatch()
	batch.UseReserve()
	for name := range *b.catalog.Load() {
		upTo := l.Expired
		pending, ok, err := b.queues.OldestPending(name)
		if err != nil {
			batch.Close()
			return err
		}
		if ok && pending <= upTo {
			upTo = pending - 1
		}
		if upTo > 0 {
			batch.DeleteRange(eventKey(name, 0), eventKey(name, upTo+1))
		}
	}
	if err := b.trimArchives(batch, l); err != nil {
		batch.Close()
		return err
	}
	batch.Set(retentionKey, encode(l))
	_, err = b.store.Commit(batch)
	return err
}

// hasEvents reports whether any event is stored, by a bus or an archive.
func (b *Buses) hasEvents() (bool, error) {
	for _, r := range []kv.Range{
		{Lower: append(retentionKey[:len(retentionKey):len(retentionKey)], 0), Upper: tuple.PrefixEnd([]byte{'e'})},
		kv.Prefix(kv.NewKey('a').Raw([]byte{'s'})),
	} {
		it := b.store.Scan(r)
		some := it.Next()
		if err := it.Close(); err != nil || some {
			return some, err
		}
	}
	return false, nil
}
