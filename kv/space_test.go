package kv_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

const mib = 1 << 20

// tryPut commits one key, in the reserve or not.
func tryPut(s *kv.Store, reserve bool) error {
	b := s.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	if reserve {
		b.UseReserve()
	}
	_, err := s.Commit(b)
	return err
}

// P7: a nearly full disk refuses new writes with an error to retry on, while
// reads and the reserve go on; and all is well again once there is room.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := kvtest.NewSpaceFS(vfs.NewMem(), 1000*mib)
		s, err := kv.Open("data", kv.Options{FS: fs, MinFreeBytes: 80 * mib})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Run(ctx) })
		for _, step := range []struct {
			free              uint64
			ordinary, reserve error
			ballast           bool
		}{
			{1000 * mib, nil, nil, true},
			{80 * mib, nil, nil, true},
			{80*mib - 1, kv.ErrDiskFull, nil, true},
			{10 * mib, kv.ErrDiskFull, nil, true},
			{10*mib - 1, kv.ErrDiskFull, kv.ErrDiskFull, false},
			{10 * mib, kv.ErrDiskFull, nil, false},
			{119 * mib, nil, nil, false},
			{120 * mib, nil, nil, true},
		} {
			fs.SetFree(step.free)
			time.Sleep(1500 * time.Millisecond)
			before := s.Applied()
			if err := tryPut(s, false); !errors.Is(err, step.ordinary) {
				t.Errorf("%d bytes free: ordinary batch: %v", step.free, err)
			}
			if step.ordinary != nil && s.Applied() != before {
				t.Errorf("%d bytes free: a refused batch took a number", step.free)
			}
			if err := tryPut(s, true); !errors.Is(err, step.reserve) {
				t.Errorf("%d bytes free: batch of the reserve: %v", step.free, err)
			}
			if v, err := s.Get([]byte("k")); err != nil || string(v) != "v" {
				t.Errorf("%d bytes free: read: %q, %v", step.free, v, err)
			}
			if _, err := fs.Stat("data/BALLAST"); (err == nil) != step.ballast {
				t.Errorf("%d bytes free: ballast: %v", step.free, err)
			}
			if st := s.Stats(); st.DiskFull != (step.ordinary != nil) || st.DiskFree != step.free {
				t.Errorf("%d bytes free: stats: %+v", step.free, st)
			}
		}
		cancel()
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Writing fast shows in the free space sooner than at the next tick.
func TestDiskFullIsNoticedWhileWriting(t *testing.T) {
	fs := kvtest.NewSpaceFS(vfs.NewMem(), 1000*mib)
	s, err := kv.Open("data", kv.Options{FS: fs, MinFreeBytes: 80 * mib})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fs.SetFree(mib)
	value := make([]byte, mib)
	for written := 0; ; written++ {
		b := s.NewBatch()
		b.Set([]byte("k"), value)
		_, err := s.Commit(b)
		if errors.Is(err, kv.ErrDiskFull) {
			if !strings.Contains(err.Error(), "1 MiB free, 80 MiB must stay free") {
				t.Error(err)
			}
			return
		}
		if err != nil || written > 6 {
			t.Fatalf("after %d MiB: %v", written, err)
		}
	}
}

// A folder on a full disk opens: the ballast is let go first.
func TestOpenOnAFullDisk(t *testing.T) {
	fs := kvtest.NewSpaceFS(vfs.NewMem(), 1000*mib)
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	kvtest.Put(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fs.SetFree(0)
	s = kvtest.Open(t, "data", kv.Options{FS: fs})
	if _, err := fs.Stat("data/BALLAST"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ballast: %v", err)
	}
	if err := tryPut(s, true); !errors.Is(err, kv.ErrDiskFull) {
		t.Errorf("batch on a full disk: %v", err)
	}
	if v, err := s.Get([]byte("k")); err != nil || string(v) != "v" {
		t.Errorf("read: %q, %v", v, err)
	}
}

// On a file system that can, the ballast holds real blocks.
func TestBallastHoldsBlocks(t *testing.T) {
	dir := t.TempDir()
	kvtest.Open(t, dir, kv.Options{MinFreeBytes: 16 * mib})
	blocks := allocated(t, dir+"/BALLAST")
	if blocks >= 0 && blocks < 4*mib {
		t.Errorf("the ballast holds %d bytes", blocks)
	}
}
