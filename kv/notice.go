package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A pebbleLogger passes Pebble's messages on. Its routine messages are of no
// use to an operator and are left out. Errors are logged at most once a second,
// because failed background work is retried without a pause.
type pebbleLogger struct {
	logger *slog.Logger
	fatal  func(error)
	// damaged is given each damage that a read or a compaction meets.
	damaged func(error)

	opening atomic.Bool  // pebble.Open runs
	failed  atomic.Int32 // failures while it runs
	stalled atomic.Bool  // writers wait for background work

	flushes, compactions atomic.Int32 // that failed since one succeeded

	mu      sync.Mutex
	last    time.Time // of the newest error logged; guarded by mu
	skipped int       // errors not logged since; guarded by mu
}

// attempts is how often background work may fail that others wait for.
const attempts = 10

// Infof implements pebble.Logger.
func (l *pebbleLogger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l *pebbleLogger) Errorf(format string, args ...any) { l.report(fmt.Sprintf(format, args...)) }

// Fatalf implements pebble.Logger: it is how Pebble reports that its log or its
// manifest cannot be written.
func (l *pebbleLogger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf("kv: "+format, args...))
}

// listener returns what hears of Pebble's failures in the background. Damaged
// bytes that a read meets come back from that read as ErrCorrupt too; those
// that only a compaction meets are reported here alone.
func (l *pebbleLogger) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			l.report("background work failed and is retried: " + err.Error())
			// pebble.Open tries without end to make tables of what it replays.
			if l.opening.Load() && l.failed.Add(1) == attempts {
				l.fatal(fmt.Errorf("kv: open: %w", err))
			}
		},
		FlushEnd:        func(info pebble.FlushInfo) { l.ended(&l.flushes, info.Err, true) },
		CompactionEnd:   func(info pebble.CompactionInfo) { l.ended(&l.compactions, info.Err, l.stalled.Load()) },
		WriteStallBegin: func(pebble.WriteStallBeginInfo) { l.stalled.Store(true) },
		WriteStallEnd:   func() { l.stalled.Store(false) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.damaged(fmt.Errorf("%w: %s: %w", ErrCorrupt, info.Path, info.Details))
			l.report(fmt.Sprintf("%s is corrupt: %v", info.Path, info.Details))
		},
	}
}

// ended counts how often background work has failed in a row, and ends the store after
// attempts failures if writers wait for the work, or soon would: Pebble would try it
// without end (P7). A full disk and too few descriptors pass, and damage that was found
// is reported elsewhere, while reads go on.
func (l *pebbleLogger) ended(failures *atomic.Int32, err error, awaited bool) {
	switch {
	case err == nil:
		failures.Store(0)
	case errors.Is(err, pebble.ErrCancelledCompaction) || pebble.IsCorruptionError(err) || passes(err):
	case failures.Add(1) >= attempts && awaited:
		l.fatal(fmt.Errorf("kv: what was written cannot be moved from the log to tables; %d attempts failed: %w", failures.Load(), err))
	}
}

// passes reports whether an error is of a shortage that others may end.
func passes(err error) bool {
	for _, shortage := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

func (l *pebbleLogger) report(msg string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.last) < time.Second {
		l.skipped++
		return
	}
	l.logger.Error("kv: "+msg, "skippedBefore", l.skipped)
	l.last, l.skipped = now, 0
}
