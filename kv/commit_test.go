package kv_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// P3: whoever reads up to Durable while writers cross finds each number below
// it, and never finds one later that was missing before.
func TestReaderAtDurableSeesNoHole(t *testing.T) {
	s := kvtest.Open(t, t.TempDir(), kv.Options{})
	var l ledger
	stop := l.start(t, s, 8)
	defer stop()
	for position := uint64(0); position < 3000; {
		durable := s.Durable()
		it := s.Scan(kv.Range{Lower: kv.NewKey('A').Uint64(position + 1), Upper: kv.NewKey('A').Uint64(durable + 1)})
		for it.Next() {
			position++
			if n := kv.ReadKey(it.Key()).Uint64(); n != position {
				t.Fatalf("found %d after %d", n, position-1)
			}
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		if position != durable {
			t.Fatalf("durable is %d, but the last number is %d", durable, position)
		}
		if err := s.WaitDurable(t.Context(), durable+1); err != nil {
			t.Fatal(err)
		}
	}
}

// A reader that saw a commit may wait for Applied to know that it is durable.
func TestAppliedIsNeverBelowWhatIsSeen(t *testing.T) {
	s := kvtest.NewMem(t)
	key := kv.NewKey('z')
	stop := repeat(t, 4, func(int) error {
		b := s.NewBatch()
		b.Number(1, func(n uint64) { b.Set(key, kv.NewKey('z').Uint64(n)) })
		_, err := s.Commit(b)
		return err
	})
	defer stop()
	if err := s.WaitDurable(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for range 200_000 {
		var seen uint64
		if err := s.View(key, func(v []byte) error { seen = kv.ReadKey(v).Uint64(); return nil }); err != nil {
			t.Fatal(err)
		}
		if now := s.Applied(); now < seen {
			t.Fatalf("saw commit %d, but applied is %d", seen, now)
		}
	}
}

// A waiter that arrives just as its commit becomes durable is not forgotten.
func TestWaitDurableMissesNoWakeup(t *testing.T) {
	s := kvtest.NewMem(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 20_000 {
		c, err := s.Apply(s.NewBatch())
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
		if err := s.WaitDurable(ctx, c.Last); err != nil {
			t.Fatalf("waiting for %d, durable is %d: %v", c.Last, s.Durable(), err)
		}
	}
}

func TestWaitDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		woken := make([]bool, 6)
		for n := range woken {
			wg.Go(func() {
				if err := s.WaitDurable(t.Context(), uint64(n)); err != nil {
					t.Error(err)
				}
				woken[n] = true
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if err := s.WaitDurable(ctx, 2); !errors.Is(err, context.Canceled) {
				t.Errorf("canceled wait: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		for i := range woken {
			synctest.Wait()
			for n, w := range woken {
				if w != (n <= i) {
					t.Errorf("at %d: waiter for %d woken: %v", i, n, w)
				}
			}
			kvtest.Put(t, s, "k", "v")
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestApplyIsSeenBeforeItIsDurable(t *testing.T) {
	s := kvtest.NewMem(t)
	b := s.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	c, err := s.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get([]byte("k")); err != nil || string(v) != "v" || s.Applied() != 1 || s.Durable() != 0 {
		t.Errorf("%q, %v, applied %d, durable %d", v, err, s.Applied(), s.Durable())
	}
	if err := c.Wait(); err != nil || s.Durable() != 1 {
		t.Errorf("%v, durable %d", err, s.Durable())
	}
}

func TestApplyAfterClose(t *testing.T) {
	s, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(b); !errors.Is(err, kv.ErrClosed) {
		t.Fatalf("apply after close: %v", err)
	}
}
