package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// TestStoreFaults makes the nth operation of the file system fail, for each n
// until a life of the store passes without meeting the fault. Each step of the
// life works, is refused with the error of the fault, or ends the process; and
// what is left opens again with every commit that was acknowledged.
func TestStoreFaults(t *testing.T) {
	c := campaigntest.Start(t, "faults", "failure points of a store", 150)
	tryFaults(t, c, func(fault kvtest.Fault, choices *rand.Rand) (int, error) {
		return tryFault(fault, choices, func(fs *kvtest.FaultFS, end func(error)) life {
			return &storeLife{fs: fs, end: end}
		})
	})
}

// tryFaults calls try for each fault at each operation, or for as many of these
// points as the campaign is long. It returns how many operations the fault
// concerned.
func tryFaults(t *testing.T, c *campaigntest.Campaign, try func(kvtest.Fault, *rand.Rand) (int, error)) {
	t.Helper()
	faults := kvtest.Faults()
	points, all := make([]int, len(faults)), 0
	for i, fault := range faults {
		fault.At = 1 << 30
		n, err := try(fault, c.Rand(0))
		if err != nil {
			t.Fatalf("without a fault: %v", err)
		}
		points[i], all = n, all+n
	}
	stride := max(all/c.N, 1)
	t.Logf("%d failure points, each %dth is tried", all, stride)
	c.N = 0
	for i, fault := range faults {
		for n := 1 + int(c.Seed%uint64(stride)); ; n += stride {
			fault.At = n
			c.N++
			seen, err := try(fault, c.Rand(uint64(n)))
			if err != nil {
				t.Fatalf("%v from operation %d on (sticky: %t): %v", fault.Err, n, fault.Sticky, err)
			}
			c.Done++
			if seen < n && n > points[i] {
				break
			}
		}
	}
}

// A life is what a process does with a folder.
type life interface {
	live() error
	// ends returns a check by what the outside world knows at this moment, at which
	// the process ends. The check opens what the life left on the disk, and returns
	// which promise is broken.
	ends() (check func(fs *kvtest.CrashFS) error)
}

// tryFault lets a life meet a fault, and checks how it ended and what it left. It
// returns how many operations the fault concerned.
func tryFault(fault kvtest.Fault, choices *rand.Rand, begin func(fs *kvtest.FaultFS, end func(error)) life) (int, error) {
	hang := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("it hangs: %+v", fault)) })
	defer hang.Stop()
	disk := kvtest.NewCrashFS(choices.Uint64())
	fs := kvtest.NewFaultFS(disk)
	ended := make(chan error, 2)
	// A goroutine that ends the process does not go on.
	l := begin(fs, func(err error) {
		ended <- fmt.Errorf("the process ended: %w", err)
		select {}
	})
	fs.Arm(fault)
	go func() { ended <- l.live() }()
	err := <-ended
	check := l.ends() // before the disk is copied: what goes on meanwhile may acknowledge more
	left := disk.Clone([]int{0, 100, choices.IntN(101)}[choices.IntN(3)])
	seen := fs.Seen()
	fs.Disarm() // what a store goes on with in the background would try again for ever
	switch {
	case err != nil && fs.Hits() == 0:
		return seen, err
	case err != nil && !strings.Contains(err.Error(), fault.Err.Error()):
		return seen, fmt.Errorf("the error does not tell of the fault: %w", err)
	}
	return seen, check(left)
}

// A storeLife opens a store, writes, reads, copies and closes it, several times.
// Commit n holds the keys (A, n) and (B, n).
type storeLife struct {
	fs    *kvtest.FaultFS
	end   func(error)
	acked atomic.Uint64
}

func (l *storeLife) live() error {
	for round := range 6 { // more than it takes to merge tables
		if err := l.process(round); err != nil {
			return err
		}
	}
	return nil
}

// process is one process of the life.
func (l *storeLife) process(round int) error {
	s, err := kv.Open("a/data", kv.Options{FS: l.fs, MinFreeBytes: 1 << 20, Fatal: l.end})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	err = l.use(s, round)
	return errors.Join(err, s.Close())
}

func (l *storeLife) use(s *kv.Store, round int) error {
	for range 4 {
		n, err := writeTwins(s)
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		l.acked.Store(n)
	}
	if err := checkTwins(s, s.Durable()); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if round == 3 {
		if err := s.Checkpoint(context.Background(), "a/copy"); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}

func (l *storeLife) ends() func(fs *kvtest.CrashFS) error {
	acked := l.acked.Load()
	return func(fs *kvtest.CrashFS) error { return checkStore(fs, acked) }
}

// checkStore opens a store of which so many commits were acknowledged.
func checkStore(fs *kvtest.CrashFS, acked uint64) error {
	s, err := kv.Open("a/data", kv.Options{FS: fs, Fatal: func(err error) { panic(err) }})
	if err != nil {
		return fmt.Errorf("the folder does not open again: %w", err)
	}
	if s.Durable() < acked {
		err = fmt.Errorf("P2: commit %d was acknowledged, the store ends at %d", acked, s.Durable())
	}
	_, more := writeTwins(s)
	return errors.Join(err, checkTwins(s, s.Durable()), more, s.Close())
}

// writeTwins makes one commit and returns its number.
func writeTwins(s *kv.Store) (uint64, error) {
	b := s.NewBatch()
	b.Number(1, func(n uint64) {
		for _, half := range []byte{'A', 'B'} {
			b.Set(kv.NewKey(half).Uint64(n), binary.BigEndian.AppendUint64(nil, n))
		}
	})
	c, err := s.Commit(b)
	return c.Last, err
}

// checkTwins returns an error unless the store holds both halves of exactly the
// commits 1 to last.
func checkTwins(s *kv.Store, last uint64) error {
	for _, half := range []byte{'A', 'B'} {
		want := uint64(1)
		it := s.Scan(kv.Prefix([]byte{half}))
		for it.Next() {
			if n := kv.ReadKey(it.Key()).Uint64(); n != want || binary.BigEndian.Uint64(it.Value()) != n {
				it.Close()
				return fmt.Errorf("P1: found %c%d with %x, want %c%d", half, n, it.Value(), half, want)
			}
			want++
		}
		if err := it.Close(); err != nil {
			return err
		}
		if want-1 != last {
			return fmt.Errorf("P1: %c ends at %d, the counter at %d", half, want-1, last)
		}
	}
	return nil
}
