package kv

import "github.com/cockroachdb/pebble/v2"

// A Batch collects changes that are committed together or not at all. It is for
// one goroutine, and cannot be used after Apply or Commit.
type Batch struct {
	b       *pebble.Batch
	numbers []numbering
	reserve bool
	err     error
}

// A numbering is one request for sequence numbers.
type numbering struct {
	n      int
	inside func(first uint64)
}

// NewBatch returns an empty batch. One that is not committed must be closed.
func (s *Store) NewBatch() *Batch { return &Batch{b: s.db.NewBatch()} }

// Set stores value under key. Both are copied.
func (b *Batch) Set(key, value []byte) { b.keep(b.b.Set(key, value, nil)) }

// Delete removes key, if it exists.
func (b *Batch) Delete(key []byte) { b.keep(b.b.Delete(key, nil)) }

// DeleteRange removes all keys in [lower, upper).
func (b *Batch) DeleteRange(lower, upper []byte) { b.keep(b.b.DeleteRange(lower, upper, nil)) }

// Number asks for n >= 0 consecutive sequence numbers. During the commit, inside
// is called with the first of them. It runs under the commit lock: such functions
// of all batches of a store run one after another, in commit order. inside may
// call Set and Delete of this batch and change memory that only such functions
// change; it must be short and must not call the Store. Several requests are
// served in order, with numbers that follow each other. A batch without a request
// takes one number.
func (b *Batch) Number(n int, inside func(first uint64)) {
	b.numbers = append(b.numbers, numbering{n, inside})
}

// UseReserve admits the batch even while ordinary ones are refused with
// ErrDiskFull. It is for work that must go on then: deliveries, cursors,
// deletions.
func (b *Batch) UseReserve() { b.reserve = true }

// Close releases a batch that will not be committed.
func (b *Batch) Close() { b.b.Close() }

func (b *Batch) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}
