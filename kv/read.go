package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tablecast/tablecast/internal/tuple"
)

// A Reader reads one state of the store: a Store reads what is applied at the
// moment of each call, a Snapshot what was applied when it was taken. What is
// applied may not be durable; see Store.Durable.
type Reader interface {
	// Get returns a copy of the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// View calls fn with the value of key, which is valid only inside fn, and
	// returns fn's error, or ErrNotFound.
	View(key []byte, fn func(value []byte) error) error
	// Scan iterates over the keys of a range.
	Scan(r Range) *Iter
}

// A Range is the keys in [Lower, Upper); a nil bound is open. Reverse iterates
// from the highest key down.
type Range struct {
	Lower, Upper []byte
	Reverse      bool
}

// Prefix is the range of all keys that begin with p.
func Prefix(p []byte) Range { return Range{Lower: p, Upper: tuple.PrefixEnd(p)} }

// Get implements Reader.
func (s *Store) Get(key []byte) ([]byte, error) { return get(s.db, key) }

// View implements Reader.
func (s *Store) View(key []byte, fn func(value []byte) error) error { return view(s.db, key, fn) }

// Scan implements Reader.
func (s *Store) Scan(r Range) *Iter { return scan(s.db, r) }

// A Snapshot is an unchanging view of the store. Close it soon: while it is open,
// compactions keep what was overwritten since.
type Snapshot struct{ s *pebble.Snapshot }

// Snapshot returns a view of what is applied now.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s.db.NewSnapshot()} }

// Get implements Reader.
func (s *Snapshot) Get(key []byte) ([]byte, error) { return get(s.s, key) }

// View implements Reader.
func (s *Snapshot) View(key []byte, fn func(value []byte) error) error { return view(s.s, key, fn) }

// Scan implements Reader.
func (s *Snapshot) Scan(r Range) *Iter { return scan(s.s, r) }

// Seq returns the number of the last commit that the snapshot holds.
func (s *Snapshot) Seq() (uint64, error) { return readSeq(s) }

// readSeq returns the number of the last commit in the state that r reads, 0 if
// there was none.
func readSeq(r Reader) (uint64, error) {
	var seq uint64
	err := r.View(seqKey, func(v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("%w: sequence counter of %d bytes", ErrCorrupt, len(v))
		}
		seq = binary.BigEndian.Uint64(v)
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return seq, err
}

// Close releases the snapshot.
func (s *Snapshot) Close() error { return s.s.Close() }

func get(r pebble.Reader, key []byte) (out []byte, err error) {
	err = view(r, key, func(value []byte) error {
		out = bytes.Clone(value)
		return nil
	})
	return out, err
}

func view(r pebble.Reader, key []byte, fn func(value []byte) error) error {
	value, closer, err := r.Get(key)
	if err != nil {
		return readError(err)
	}
	defer closer.Close()
	return fn(value)
}

// readError translates Pebble's errors into the package's.
func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return ErrNotFound
	case pebble.IsCorruptionError(err):
		if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
			return fmt.Errorf("%w: %s: %w", ErrCorrupt, info.Path, info.Details)
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	default:
		return fmt.Errorf("kv: read: %w", err)
	}
}

// An Iter walks over the keys of a range:
//
//	it := store.Scan(r)
//	for it.Next() {
//		use(it.Key(), it.Value())
//	}
//	err := it.Close()
//
// It sees the state at its creation. It is for one goroutine.
type Iter struct {
	it      *pebble.Iterator
	reverse bool
	started bool
	err     error
}

func scan(r pebble.Reader, rng Range) *Iter {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: rng.Lower, UpperBound: rng.Upper})
	return &Iter{it: it, reverse: rng.Reverse, err: err}
}

// Next moves to the next key and reports whether there is one.
func (i *Iter) Next() bool {
	if i.err != nil {
		return false
	}
	first := !i.started
	i.started = true
	switch {
	case first && i.reverse:
		return i.it.Last()
	case first:
		return i.it.First()
	case i.reverse:
		return i.it.Prev()
	default:
		return i.it.Next()
	}
}

// Key returns the key, valid until the next call of Next or Close.
func (i *Iter) Key() []byte { return i.it.Key() }

// Value returns the value, valid until the next call of Next or Close.
func (i *Iter) Value() []byte {
	v, err := i.it.ValueAndErr()
	if err != nil && i.err == nil {
		i.err = err
	}
	return v
}

// Close releases the iterator and returns the first error it met.
func (i *Iter) Close() error {
	if i.it == nil {
		return readError(i.err)
	}
	if err := i.it.Close(); i.err == nil {
		i.err = err
	}
	return readError(i.err)
}
