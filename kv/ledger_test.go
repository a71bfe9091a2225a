package kv_test

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tablecast/tablecast/kv"
)

// A ledger writes commits whose completeness can be told afterwards: commit n
// holds the keys ('A', n) and ('B', n), each with the number of the writer.
type ledger struct {
	acked atomic.Uint64 // highest number acknowledged
}

// write makes one commit. It returns the error of the commit.
func (l *ledger) write(s *kv.Store, writer uint64) error {
	b := s.NewBatch()
	value := binary.BigEndian.AppendUint64(nil, writer)
	b.Number(1, func(n uint64) {
		b.Set(kv.NewKey('A').Uint64(n), value)
		b.Set(kv.NewKey('B').Uint64(n), value)
	})
	c, err := s.Commit(b)
	if err != nil {
		return err
	}
	for {
		old := l.acked.Load()
		if old >= c.Last || l.acked.CompareAndSwap(old, c.Last) {
			return nil
		}
	}
}

// start lets writers commit until stop is called, which waits for them.
func (l *ledger) start(t *testing.T, s *kv.Store, writers int) (stop func()) {
	return repeat(t, writers, func(w int) error { return l.write(s, uint64(w)) })
}

// repeat calls write from several goroutines, with the number of each, until
// stop is called, which waits for them.
func repeat(t *testing.T, writers int, write func(w int) error) (stop func()) {
	var done atomic.Bool
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for !done.Load() {
				if err := write(w); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	return func() {
		done.Store(true)
		wg.Wait()
	}
}

// checkPrefix returns an error unless the store holds both halves of exactly
// the commits 1 to last.
func checkPrefix(r kv.Reader, last uint64) error {
	for _, half := range []byte{'A', 'B'} {
		want := uint64(1)
		it := r.Scan(kv.Prefix([]byte{half}))
		for it.Next() {
			if n := kv.ReadKey(it.Key()).Uint64(); n != want {
				it.Close()
				return fmt.Errorf("found %c%d, want %c%d", half, n, half, want)
			}
			want++
		}
		if err := it.Close(); err != nil {
			return err
		}
		if want-1 != last {
			return fmt.Errorf("%c ends at %d, the counter at %d", half, want-1, last)
		}
	}
	return nil
}
