package parking

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/kv"
)

// Rows are parked records kept as rows of a kv.Store below one prefix. They are
// Page and Keep of a Store; Release is the loop's, which may count beside them.
type Rows struct {
	Store  *kv.Store
	Prefix kv.Key
	// Key returns the key of a record, which begins with the prefix. Errors:
	// ErrDamaged.
	Key func(*Record) (kv.Key, error)
	// Place returns what a key tells of its record, from which Key makes the key
	// again. Errors: those of the key.
	Place func(key []byte) (*Record, error)
	// Decode reads a row. Errors: ErrDamaged. The default is Decode of its value.
	Decode func(key, value []byte) (*Record, error)
}

// Put adds records to a batch.
func (s *Rows) Put(b *kv.Batch, records []*Record) {
	for _, r := range records {
		key, err := s.Key(r)
		if err != nil {
			panic(fmt.Sprintf("parking: key of a new record: %v", err)) // it was just read from a stream
		}
		b.Set(key, r.Encode())
	}
}

// Page is that of a Store, in the order of the keys.
func (s *Rows) Page(_ context.Context, after *Record, limit int) (out []*Record, more bool, err error) {
	all := kv.Prefix(s.Prefix)
	if after != nil {
		key, err := s.Key(after)
		if err != nil {
			return nil, false, err
		}
		all.Lower = append(slices.Clone(key), 0)
	}
	it := s.Store.Scan(all)
	for size := 0; len(out) < limit && size < PageBytes; {
		if !it.Next() {
			return out, false, it.Close()
		}
		r, err := s.read(it.Key(), it.Value())
		if err != nil {
			return out, false, errors.Join(err, it.Close())
		}
		out, size = append(out, r), size+r.Bytes()
	}
	return out, true, it.Close()
}

// read returns the record of a row, with its Damage if it cannot be read. The error
// is that of a key which tells no place.
func (s *Rows) read(key, value []byte) (*Record, error) {
	decode := s.Decode
	if decode == nil {
		decode = func(_, value []byte) (*Record, error) { return Decode(value) }
	}
	r, err := decode(key, value)
	if err == nil && !s.stands(r, key) {
		err = fmt.Errorf("%w: it is of another change", ErrDamaged)
	}
	if err == nil {
		return r, nil
	}
	at, bad := s.Place(key)
	if bad != nil || !s.stands(at, key) {
		return nil, fmt.Errorf("row %x: %w", key, errors.Join(err, bad))
	}
	at.Damage = err
	return at, nil
}

// stands reports whether a key is that of a record.
func (s *Rows) stands(r *Record, key []byte) bool {
	want, err := s.Key(r)
	return err == nil && bytes.Equal(want, key)
}

// Find returns the key of a record, and whether it is there.
func (s *Rows) Find(r *Record) (key kv.Key, there bool, err error) {
	if key, err = s.Key(r); err != nil {
		return nil, false, err
	}
	err = s.Store.View(key, func([]byte) error { return nil })
	if errors.Is(err, kv.ErrNotFound) {
		return key, false, nil
	}
	return key, err == nil, err
}

// Keep is that of a Store. The caller sees to it that nobody releases the record
// meanwhile.
func (s *Rows) Keep(_ context.Context, r *Record) error {
	key, there, err := s.Find(r)
	if err != nil || !there {
		return err
	}
	b := s.Store.NewBatch()
	b.UseReserve()
	b.Set(key, r.Encode())
	_, err = s.Store.Commit(b)
	return err
}
