package kv_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// P2: after a power loss at any moment the store holds a prefix of the commits
// that contains every acknowledged one, whatever became of unsynced data; and
// what it then calls durable survives the next power loss.
func TestPowerLoss(t *testing.T) {
	rounds, cycles := 12, 25
	if testing.Short() {
		rounds = 3
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			fs, rng := kvtest.NewCrashFS(seed), rand.New(rand.NewPCG(seed, 0))
			var l ledger
			for range cycles {
				fs = powerLoss(t, fs, &l, rng)
			}
		})
	}
}

// powerLoss opens the store, checks it, writes, and pulls the plug. It returns
// what was left.
func powerLoss(t *testing.T, fs *kvtest.CrashFS, l *ledger, rng *rand.Rand) *kvtest.CrashFS {
	s, err := kv.Open("data", kv.Options{FS: fs, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last := s.Durable()
	if acked := l.acked.Load(); acked > last {
		t.Fatalf("commit %d was acknowledged, the store ends at %d", acked, last)
	}
	if err := checkPrefix(s, last); err != nil {
		t.Fatal(err)
	}
	l.acked.Store(last)
	var left *kvtest.CrashFS
	stop := l.start(t, s, 4)
	defer stop()
	if err := s.WaitDurable(t.Context(), last+rng.Uint64N(60)); err != nil {
		t.Fatal(err)
	}
	// What is acknowledged, or called durable, before the clone must be in it;
	// acknowledgements during the clone are forgotten with the writers' ledger.
	acked := max(l.acked.Load(), s.Durable())
	left = fs.Clone(unsynced(rng))
	stop()
	l.acked.Store(acked)
	return left
}

// unsynced picks how much unsynced data a power loss keeps: often all or none.
func unsynced(rng *rand.Rand) int {
	return []int{0, 100, rng.IntN(101), rng.IntN(101)}[rng.IntN(4)]
}

// A power loss before any sync while the store is created or recovered leaves
// a folder that opens, with everything acknowledged.
func TestPowerLossDuringOpen(t *testing.T) {
	for seed, percent := range []int{0, 100, 50, 50, 50, 50, 50, 50, 50, 50} {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			fs := kvtest.NewCrashFS(uint64(seed))
			for _, left := range openAndClone(t, fs, percent, 0) {
				openAndClone(t, left, percent, 0)
			}
			s, err := kv.Open("data", kv.Options{FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			var l ledger
			for range 20 {
				if err := l.write(s, 0); err != nil {
					t.Fatal(err)
				}
			}
			crashed := fs.Clone(percent)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, left := range openAndClone(t, crashed, percent, 20) {
				openAndClone(t, left, percent, 20)
			}
		})
	}
}

// openAndClone opens the store, checks that it holds the commits up to last,
// and returns what a power loss before each sync meanwhile would have left.
func openAndClone(t *testing.T, fs *kvtest.CrashFS, percent int, last uint64) (clones []*kvtest.CrashFS) {
	var mu sync.Mutex
	hook := errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			mu.Lock()
			defer mu.Unlock()
			clones = append(clones, fs.Clone(percent))
		default:
		}
		return nil
	})
	s, err := kv.Open("data", kv.Options{FS: errorfs.Wrap(fs, hook)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Durable() != last {
		t.Fatalf("durable is %d, want %d", s.Durable(), last)
	}
	if err := checkPrefix(s, last); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return clones
}
