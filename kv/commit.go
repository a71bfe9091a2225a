package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

var seqKey = NewKey('m').String("seq")

// A Commit is a batch that was applied and may not be durable yet. Its sequence
// numbers are First to Last. The caller of Apply must call Wait once.
type Commit struct {
	First, Last uint64

	s *Store
	b *pebble.Batch
}

// Apply gives the batch its sequence numbers and makes it visible to readers
// of this process. It is durable only once Wait has returned; commits become
// durable in the order of their numbers. It fails with ErrDiskFull, and then
// nothing was written.
func (s *Store) Apply(b *Batch) (Commit, error) {
	if err := errors.Join(b.err, s.usable(), s.admit(b)); err != nil {
		b.Close()
		return Commit{}, err
	}
	c, err := s.apply(b)
	// The functions of Number have changed memory, and no batch has that change. So
	// this error, unlike those above, is not one that the caller may try again.
	if err != nil {
		err = fmt.Errorf("kv: commit %d: %w", c.First, err)
		s.fatal(err)
		return Commit{}, err
	}
	return c, nil
}

// errPanic says that a function of Number panicked.
var errPanic = errors.New("a panic inside the commit")

// apply is Apply under commitMu.
func (s *Store) apply(b *Batch) (c Commit, err error) {
	// commitMu makes three orders one: that of the numbers, that of the log, and
	// that in which readers see batches. All that is slow, above all the fsync,
	// happens outside.
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	err = errPanic
	defer func() {
		if errors.Is(err, errPanic) { // memory is ahead of the log, as above; the panic goes on
			s.fatal(fmt.Errorf("kv: commit %d: %w", s.next, err))
		}
	}()
	c = Commit{First: s.next, Last: s.number(b), s: s, b: b.b}
	// Applied rises before the batch is visible. Whoever reads the batch and then
	// asks for Applied gets this number or a later one, and can wait for it.
	s.applied.Store(c.Last)
	if err = b.err; err == nil {
		err = s.log(b.b)
	}
	// The numbers are used up even if the log failed: no later batch has them.
	s.next = c.Last + 1
	return c, err
}

// number serves the batch's requests for sequence numbers and returns the last
// number given. The caller holds commitMu.
func (s *Store) number(b *Batch) (last uint64) {
	next := s.next
	for _, r := range b.numbers {
		r.inside(next)
		next += uint64(r.n)
	}
	last = max(next, s.next+1) - 1
	// The counter is in the batch that uses the numbers: after a crash the store
	// goes on after the last batch that survived.
	var value [8]byte
	binary.BigEndian.PutUint64(value[:], last)
	b.Set(seqKey, value[:])
	return last
}

// log hands the batch to Pebble. The caller holds commitMu.
func (s *Store) log(b *pebble.Batch) error {
	s.unsampled.Add(int64(b.Len()))
	// ApplyNoSyncWait returns once the batch is queued for the log and in the
	// memtable. Batches that are queued while an fsync runs share the next one.
	return s.db.ApplyNoSyncWait(b, pebble.Sync)
}

// Wait returns once the commit, and every commit before it, is durable.
func (c Commit) Wait() error {
	err := c.b.SyncWait()
	if err != nil {
		err = fmt.Errorf("kv: sync of commit %d: %w", c.First, err)
		c.s.fatal(err)
		return err
	}
	// The sync of an earlier batch may have failed while this one waited. A file
	// system that has lost pages may report success from then on (P7).
	if err := errors.Join(c.s.failed(), c.s.checkFolder()); err != nil {
		return err
	}
	c.b.Close()
	c.s.advance(c.Last)
	return nil
}

// Commit applies the batch and waits until it is durable.
func (s *Store) Commit(b *Batch) (Commit, error) {
	c, err := s.Apply(b)
	if err != nil {
		return Commit{}, err
	}
	return c, c.Wait()
}

// advance raises Durable to n and wakes the callers of WaitDurable up to n. The
// log is synced from its beginning, so all commits below n are durable, too.
func (s *Store) advance(n uint64) {
	for {
		old := s.durable.Load()
		if old >= n {
			return
		}
		if s.durable.CompareAndSwap(old, n) {
			break
		}
	}
	s.waiters.wake(&s.durable)
}

// Applied returns a sequence number that is not below that of any commit whose
// effects readers of this process could see before the call.
func (s *Store) Applied() uint64 { return s.applied.Load() }

// Durable returns the highest sequence number that survives a power loss
// together with all numbers below it.
func (s *Store) Durable() uint64 { return s.durable.Load() }
