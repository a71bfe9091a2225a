package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

var seqKey = NewKey('m').String("seq")

// A Commit is a batch on its way to the disk. Its numbers are First to Last.
// Whoever applied the batch must call Wait once.
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
	s.commitMu.Lock()
	c := Commit{First: s.next, Last: s.number(b), s: s, b: b.b}
	s.applied.Store(c.Last) // before anyone can see the batch
	err := b.err
	if err == nil {
		err = s.log(b.b)
	}
	s.next = c.Last + 1
	s.commitMu.Unlock()
	if err != nil {
		err = fmt.Errorf("kv: commit %d: %w", c.First, err)
		s.fatal(err)
		return Commit{}, err
	}
	return c, nil
}

// number serves the batch's requests for sequence numbers and returns the last
// number given. The caller holds commitMu.
func (s *Store) number(b *Batch) (last uint64) {
	next := s.next
	for _, r := range b.numbers {
		r.fill(next)
		next += uint64(r.n)
	}
	last = max(next, s.next+1) - 1
	var value [8]byte
	binary.BigEndian.PutUint64(value[:], last)
	b.Set(seqKey, value[:])
	return last
}

// log hands the batch to Pebble. The caller holds commitMu.
func (s *Store) log(b *pebble.Batch) error {
	s.unsampled.Add(int64(b.Len()))
	if plantNoSync {
		return s.db.Apply(b, pebble.NoSync)
	}
	return s.db.ApplyNoSyncWait(b, pebble.Sync)
}

// Wait returns once the commit, and every commit before it, is durable.
func (c Commit) Wait() error {
	var err error
	if !plantNoSync {
		err = c.b.SyncWait()
	}
	if err != nil {
		err = fmt.Errorf("kv: sync of commit %d: %w", c.First, err)
		c.s.fatal(err)
		return err
	}
	if err := c.s.failed(); err != nil {
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

// advance raises Durable to n and wakes who waits for it.
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
