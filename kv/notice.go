package kv

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
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

	opening atomic.Bool // pebble.Open runs
	failed  atomic.Int32

	mu      sync.Mutex
	last    time.Time // of the newest error logged; guarded by mu
	skipped int       // errors not logged since; guarded by mu
}

// openAttempts is how often background work may fail while a store is opened.
const openAttempts = 10

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
			if l.opening.Load() && l.failed.Add(1) == openAttempts {
				l.fatal(fmt.Errorf("kv: open: %w", err))
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.damaged(fmt.Errorf("%w: %s: %w", ErrCorrupt, info.Path, info.Details))
			l.report(fmt.Sprintf("%s is corrupt: %v", info.Path, info.Details))
		},
	}
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
