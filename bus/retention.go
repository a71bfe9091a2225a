package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
)

const (
	// trimEvery is the pause between two rounds of trimming.
	trimEvery = time.Minute
	// marksPerRetention is how finely ages are told apart: an event is removed
	// at most this part of the retention, and a round, late.
	marksPerRetention = 24
)

// A ledger tells the age of events by a clock that counts only the time that
// nodes ran.
type ledger struct {
	// Ran is what that clock shows, in milliseconds.
	Ran int64 `json:"ran"`
	// Marks say how far the store was at some times, oldest first.
	Marks []mark `json:"marks"`
	// Expired is the seq up to which all events are past the retention.
	Expired uint64 `json:"expired"`
}

// A mark says that all events up to Seq were accepted before Ran was At.
type mark struct {
	At  int64  `json:"at"`
	Seq uint64 `json:"seq"`
}

var ledgerKey = kv.NewKey('e').String("")

// advance moves the clock on to a moment at which the store was at seq.
func (l *ledger) advance(by time.Duration, seq uint64, retention time.Duration) {
	l.Ran += by.Milliseconds()
	for len(l.Marks) > 0 && l.Marks[0].At <= l.Ran-retention.Milliseconds() {
		l.Expired = l.Marks[0].Seq
		l.Marks = l.Marks[1:]
	}
	step := retention.Milliseconds() / marksPerRetention
	if n := len(l.Marks); n == 0 || l.Marks[n-1].At+step <= l.Ran {
		l.Marks = append(l.Marks, mark{l.Ran, seq})
	}
}

// Run removes events whose retention has passed and carries replays on, and
// fires schedules, until ctx ends. One Run at a time.
func (b *Buses) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	workers.Go(func() { b.replayAll(ctx) })
	workers.Go(func() { b.keepTime(ctx) })
	return b.age(ctx)
}

// age removes events whose retention has passed, until ctx ends.
func (b *Buses) age(ctx context.Context) error {
	var l ledger
	err := b.store.View(ledgerKey, func(v []byte) error { return json.Unmarshal(v, &l) })
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("bus: ledger: %w", err)
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
		seq := b.store.Durable()
		passed := time.Since(last).Truncate(time.Millisecond)
		last = last.Add(passed)
		l.advance(passed, seq, b.opts.Retention)
		if err := b.queues.WithoutRedrive(func() error { return b.trim(&l) }); err != nil {
			b.opts.Logger.Warn("bus: trim", "error", err)
		}
		if err := b.forget(); err != nil {
			b.opts.Logger.Warn("bus: deduplication ids", "error", err)
		}
	}
	return nil
}

// trim removes what is expired and not waited for, and saves the ledger. While
// there are no events, archived ones included, it does nothing.
func (b *Buses) trim(l *ledger) error {
	some, err := b.holdsEvents()
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
	batch.Set(ledgerKey, encode(l))
	_, err = b.store.Commit(batch)
	return err
}

// holdsEvents reports whether any event is stored, in a bus or an archive.
func (b *Buses) holdsEvents() (bool, error) {
	for _, r := range []kv.Range{
		{Lower: append(ledgerKey[:len(ledgerKey):len(ledgerKey)], 0), Upper: kv.PrefixEnd([]byte{'e'})},
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
