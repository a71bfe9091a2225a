package parking

import (
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

// Page is that of a Store, in the order of the keys. With an error it returns the
// records ahead of the row that is damaged.
func (s *Rows) Page(_ context.Context, after *Record, limit int) (out []*Record, err error) {
	all := kv.Prefix(s.Prefix)
	if after != nil {
		key, err := s.Key(after)
		if err != nil {
			return nil, err
		}
		all.Lower = append(slices.Clone(key), 0)
	}
	it := s.Store.Scan(all)
	for len(out) < limit && it.Next() {
		r, err := s.decode(it.Key(), it.Value())
		if err != nil {
			return out, errors.Join(fmt.Errorf("row %x: %w", it.Key(), err), it.Close())
		}
		out = append(out, r)
	}
	return out, it.Close()
}

func (s *Rows) decode(key, value []byte) (*Record, error) {
	if s.Decode != nil {
		return s.Decode(key, value)
	}
	return Decode(value)
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
