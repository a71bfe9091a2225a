package kv

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// openPebble opens the store in dir, in Pebble's newest format: in older ones a
// single flipped bit of the log silently drops synced commits. kept is the
// inventory of a store that exists; without it one is made.
func (s *Store) openPebble(dir string, kept *inventory) (*pebble.DB, error) {
	s.cache = pebble.NewCache(s.opts.CacheBytes)
	log := &pebbleLogger{logger: s.opts.Logger, fatal: s.fatal, damaged: func(err error) { s.damage.CompareAndSwap(nil, &err) }}
	fs := &storeFS{FS: s.opts.FS, dir: dir, n: s.syncs, kept: kept, fatal: s.fatal}
	s.files = fs
	o := &pebble.Options{
		FS:                          fs,
		Cache:                       s.cache,
		FormatMajorVersion:          pebble.FormatNewest,
		ErrorIfExists:               kept == nil,
		ErrorIfNotExists:            kept != nil,
		Logger:                      log,
		EventListener:               log.listener(),
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		MemTableSize:                s.opts.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                s.opts.MaxFiles,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.Experimental.SpanPolicyFunc = cutAtKeyspaces
	scheduler := newCompactions()
	o.Experimental.CompactionScheduler = scheduler
	log.opening.Store(true)
	fs.opening.Store(true)
	db, err := pebble.Open(dir, o)
	log.opening.Store(false)
	fs.opening.Store(false)
	switch {
	case err == nil:
		scheduler.allow()
		return db, nil
	case errors.Is(err, pebble.ErrClosed):
		return nil, ErrClosed
	case kept == nil || isRefusal(err):
		return nil, fmt.Errorf("kv: open %s: %w", dir, err)
	default:
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, damagedFile(s.opts.FS, dir, err), err)
	}
}

// isRefusal reports whether the operating system refused an operation, for want
// of space, of rights or of descriptors: the files may be as good as ever.
func isRefusal(err error) bool {
	var refused syscall.Errno
	return errors.As(err, &refused) && !errors.Is(err, os.ErrNotExist)
}

// cutAtKeyspaces makes Pebble end a table where a keyspace, which is the first
// byte of the keys, ends. Keyspaces that grow at their ends, such as events and
// change records, then do not overlap with what they held before, as they would
// in tables that also hold the keyspaces beside them, and need no merging.
func cutAtKeyspaces(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	if len(start) > 0 && start[0] < 0xff {
		end = []byte{start[0] + 1}
	}
	return policy, end, nil
}
