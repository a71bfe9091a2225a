package kv_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// P7: once a sync of the log has failed, nothing is acknowledged any more, not
// even if later syncs work, and Fatal hears of it once.
func TestFailedLogSyncIsFinal(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		for at := 1; at <= 12; at++ {
			fs := kvtest.NewCrashFS(uint64(at))
			faults := kvtest.NewFaultFS(fs)
			var fatal atomic.Int32
			s, err := kv.Open("data", kv.Options{FS: faults, Fatal: func(err error) {
				if !errors.Is(err, syscall.EIO) {
					t.Errorf("fatal: %v", err)
				}
				fatal.Add(1)
			}})
			if err != nil {
				t.Fatal(err)
			}
			fault := kvtest.FailLogSync(at, syscall.EIO)
			fault.Sticky = sticky
			faults.Arm(fault)
			var l ledger
			var failed atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 50 {
						if err := l.write(s, 0); err != nil {
							failed.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if fatal.Load() != 1 || failed.Load() == 0 || faults.Hits() == 0 {
				t.Errorf("sync %d: fatal %d times, %d commits failed, %d hits", at, fatal.Load(), failed.Load(), faults.Hits())
			}
			if s.Durable() != l.acked.Load() {
				t.Errorf("durable %d, acknowledged %d", s.Durable(), l.acked.Load())
			}
			left := fs.Clone(0)
			faults.Disarm()
			s.Close() // reports the failure, too
			s, err = kv.Open("data", kv.Options{FS: left})
			if err != nil {
				t.Fatal(err)
			}
			if s.Durable() < l.acked.Load() {
				t.Errorf("sync %d: acknowledged %d, recovered %d", at, l.acked.Load(), s.Durable())
			}
			if err := checkPrefix(s, s.Durable()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFailedWatermarkIsFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := kvtest.NewFaultFS(vfs.NewMem())
		var fatal error
		s, err := kv.Open("data", kv.Options{FS: faults, Fatal: func(err error) { fatal = err }})
		if err != nil {
			t.Fatal(err)
		}
		kvtest.Put(t, s, "k", "v")
		faults.Arm(kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpFileSync}, Pattern: "WATERMARK", Err: syscall.EIO})
		err = s.Run(t.Context())
		if !errors.Is(err, syscall.EIO) || !errors.Is(fatal, syscall.EIO) {
			t.Errorf("run: %v, fatal: %v", err, fatal)
		}
		faults.Disarm()
		if _, err := s.Commit(s.NewBatch()); !errors.Is(err, syscall.EIO) {
			t.Errorf("commit afterwards: %v", err)
		}
		s.Close()
	})
}

// Run writes the watermark at most once a second, and only if it has news.
func TestWatermarkFollowsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := kvtest.NewCrashFS(1)
		writes := &opCount{kind: errorfs.OpFileWriteAt, base: "WATERMARK"}
		s, err := kv.Open("data", kv.Options{FS: errorfs.Wrap(fs, writes)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Run(ctx) })
		time.Sleep(500 * time.Millisecond) // from here on always between two ticks
		for range 3 {
			for range 5 {
				kvtest.Put(t, s, "k", "v")
			}
			time.Sleep(10 * time.Second)
		}
		if n := writes.n.Load(); n != 3 {
			t.Errorf("%d watermarks in 30 s with news three times", n)
		}
		if got := watermark(t, fs.Clone(0)); got != s.Durable() {
			t.Errorf("watermark %d, durable %d", got, s.Durable())
		}
		cancel()
		wg.Wait()
		kvtest.Put(t, s, "k", "v")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := watermark(t, fs.Clone(0)); got != 16 {
			t.Errorf("watermark after close: %d", got)
		}
		if a, b := slots(t, fs.Clone(0)); min(a, b) != 15 {
			t.Errorf("slots %d and %d: the slots must be written in turn", a, b)
		}
	})
}

// P7: a folder whose names cannot be synced ends the process, before Pebble panics.
func TestFailedFolderSyncIsFatal(t *testing.T) {
	ends := 0
	for at := 1; at <= 6; at++ {
		faults := kvtest.NewFaultFS(vfs.NewMem())
		faults.Arm(kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpFileSync}, Pattern: "store.new", Err: syscall.EIO, At: at})
		var fatal error
		func() {
			// As Fatal returns, Pebble goes on and panics.
			defer func() {
				if p := recover(); p != nil && fatal == nil {
					t.Errorf("sync %d: %v", at, p)
				}
			}()
			s, err := kv.Open("data", kv.Options{FS: faults, Fatal: func(err error) { fatal = err }})
			if err == nil {
				s.Close()
			}
		}()
		if fatal != nil && !errors.Is(fatal, syscall.EIO) {
			t.Errorf("sync %d: fatal: %v", at, fatal)
		}
		if fatal != nil {
			ends++
		}
	}
	if ends == 0 {
		t.Error("no sync was Pebble's own")
	}
}

// P7: a panic inside a commit, after which memory may be ahead of the log, ends the
// process, also where somebody recovers from it. No writer hangs.
func TestPanicInsideCommitIsFatal(t *testing.T) {
	var fatal error
	s, err := kv.Open("data", kv.Options{FS: vfs.NewMem(), Fatal: func(err error) { fatal = err }})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if p := recover(); p != "a bug" {
				t.Errorf("recovered from %v", p)
			}
		}()
		b := s.NewBatch()
		b.Number(1, func(uint64) { panic("a bug") })
		_, _ = s.Apply(b)
	}()
	if fatal == nil || !strings.Contains(fatal.Error(), "panic") {
		t.Errorf("fatal: %v", fatal)
	}
	b := s.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	if _, err := s.Apply(b); !errors.Is(err, fatal) {
		t.Errorf("a later commit: %v", err)
	}
	_ = s.Close()
}

// P7: a store whose log cannot be made tables of ends the process, which would try
// it for ever.
func TestOpenGivesUp(t *testing.T) {
	mem := vfs.NewMem()
	s, err := kv.Open("data", kv.Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	kvtest.Put(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	faults := kvtest.NewFaultFS(mem)
	faults.Arm(kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpCreate}, Pattern: "*.sst", Err: syscall.EIO, Sticky: true})
	var fatal error
	s, err = kv.Open("data", kv.Options{FS: faults, Fatal: func(err error) {
		fatal = err
		faults.Disarm() // it returns, so that Pebble goes on
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(fatal, syscall.EIO) {
		t.Errorf("fatal: %v", fatal)
	}
	if _, err := s.Commit(s.NewBatch()); !errors.Is(err, syscall.EIO) {
		t.Errorf("commit afterwards: %v", err)
	}
	s.Close()
}

// A slot of the watermark that cannot be read is no damage, and the other slot does
// not stand for it.
func TestUnreadableWatermark(t *testing.T) {
	mem := vfs.NewMem()
	s, err := kv.Open("data", kv.Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= 2; at++ {
		faults := kvtest.NewFaultFS(mem)
		faults.Arm(kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpFileReadAt}, Pattern: "WATERMARK", Err: syscall.EIO, At: at})
		if _, err := kv.Open("data", kv.Options{FS: faults}); !errors.Is(err, syscall.EIO) || errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("slot %d: %v", at-1, err)
		}
	}
}

// P7: background work that fails again and again on an open store ends the process:
// writers would wait for it without end. A few failures, and a full disk, do not.
func TestFailingBackgroundWork(t *testing.T) {
	small := kv.Options{MemTableBytes: 256 << 10}
	value := make([]byte, 32<<10)
	for _, c := range []struct {
		name  string
		fault kvtest.Fault
		ends  bool
	}{
		{"tables cannot be made", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpCreate}, Err: syscall.EIO}, true},
		{"tables cannot be written", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpFileWrite}, Err: syscall.EIO}, true},
		{"tables cannot be synced", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, Err: syscall.EIO}, true},
		{"tables cannot be read", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpOpen, errorfs.OpFileReadAt}, Err: syscall.EIO}, true},
		{"the disk is full", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpCreate}, Err: syscall.ENOSPC}, false},
		{"a table cannot be made once", kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpCreate}, Err: syscall.EIO, At: 3}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := kvtest.NewFaultFS(vfs.NewMem())
			var fatal atomic.Int32
			ended := make(chan struct{})
			o := small
			o.FS = faults
			o.Fatal = func(err error) {
				if !errors.Is(err, syscall.EIO) {
					t.Errorf("fatal: %v", err)
				}
				faults.Disarm() // it returns, so that Pebble goes on
				if fatal.Add(1) == 1 {
					close(ended)
				}
			}
			s, err := kv.Open("data", o)
			if err != nil {
				t.Fatal(err)
			}
			c.fault.Pattern, c.fault.Sticky = "*.sst", c.fault.At == 0
			faults.Arm(c.fault)
			hits := 1
			if c.fault.Sticky {
				hits = 100
			}
			stop := make(chan struct{})
			var writing sync.WaitGroup
			writing.Go(func() {
				for i := uint64(0); ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					b := s.NewBatch()
					b.Set(kv.NewKey('k').Uint64(i%64), value)
					if _, err := s.Commit(b); err != nil {
						return
					}
				}
			})
			if c.ends {
				<-ended
			} else {
				for faults.Hits() < hits {
					runtime.Gosched()
				}
				faults.Disarm()
				close(stop)
			}
			writing.Wait()
			if got := fatal.Load() == 1; got != c.ends {
				t.Errorf("Fatal was called %d times", fatal.Load())
			}
			if _, err := s.Commit(s.NewBatch()); c.ends != errors.Is(err, syscall.EIO) {
				t.Errorf("commit afterwards: %v", err)
			}
			s.Close()
		})
	}
}
