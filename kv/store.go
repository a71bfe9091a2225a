package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/machine"
)

// ExitStatus is the exit status of a process that ended because its log could not
// be written or synced (P7). It is for those who supervise the process.
const ExitStatus = 70

// Options configure a Store. The zero value works.
type Options struct {
	// FS is the file system that holds the folder. The default is the
	// operating system's.
	FS vfs.FS
	// Logger receives warnings and errors of the store. The default discards them.
	Logger *slog.Logger
	// CacheBytes bounds the memory for cached blocks. The default is 64 MiB.
	CacheBytes int64
	// MemTableBytes is the size at which what was written last goes from memory to the
	// disk, besides the log; four times as much may be in memory. The default is 16 MiB.
	MemTableBytes uint64
	// MaxFiles bounds the descriptors of tables that are open. The default is 1000, or a
	// quarter of what the process may open if that is less.
	MaxFiles int
	// MinFreeBytes is the free space of the disk below which ordinary batches
	// are refused; below an eighth of it all batches are. A quarter of it is
	// held back as ballast. The default is 256 MiB.
	MinFreeBytes uint64
	// AcceptLoss opens a folder whose watermark or whose logs are missing, or whose
	// watermark says that commits were acknowledged that are not there any more, and
	// goes on without them. The default refuses it.
	AcceptLoss bool
	// Fatal is called when the log cannot be written or synced. It must end the
	// process. The default logs the error and exits with ExitStatus.
	Fatal func(error)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = systemFS()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = min(1000, machine.Files()/4)
	}
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = 256 << 20
	}
	if o.Fatal == nil {
		logger := o.Logger
		o.Fatal = func(err error) {
			logger.Error("kv: the log failed; the process ends", "error", err)
			os.Exit(ExitStatus)
		}
	}
	return o
}

// A Store is an open folder. Its methods may be called from any goroutine,
// Close only after all others have returned.
type Store struct {
	opts  Options
	dir   string
	lock  io.Closer
	db    *pebble.DB
	files *storeFS
	cache *pebble.Cache
	syncs *atomic.Uint64
	space space
	mark  watermark
	kept  *inventory

	opened time.Time
	looked atomic.Int64 // when checkFolder looked last, in nanoseconds since opened

	checkpointMu sync.Mutex // held by Checkpoint

	commitMu sync.Mutex
	next     uint64 // next sequence number; guarded by commitMu

	applied   atomic.Uint64
	durable   atomic.Uint64
	unsampled atomic.Int64 // bytes written since free space was sampled
	waiters   waiters      // callers of WaitDurable

	closed  atomic.Bool
	failure atomic.Pointer[error] // why the log can no longer be trusted
	damage  atomic.Pointer[error] // the first damaged block that was met
}

// Open opens the folder dir, and creates it if it does not exist. Errors:
// ErrLocked, ErrNewerFormat, ErrBehindWatermark, ErrCorrupt, or what the file
// system says. Run must be called for as long as the store is used.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{opts: o, dir: dir, syncs: &atomic.Uint64{}, opened: time.Now()}
	s.waiters.lowest.Store(noWaiter)
	if err := s.open(); err != nil {
		_ = s.release() // the error that counts is the one of open
		return nil, err
	}
	return s, nil
}

func (s *Store) open() error {
	fs := s.opts.FS
	if err := makeFolder(fs, s.dir); err != nil {
		return fmt.Errorf("kv: create folder: %w", err)
	}
	var err error
	if s.lock, err = lockFolder(fs, s.dir); err != nil {
		return err
	}
	fresh, err := readFormat(fs, s.dir)
	if err != nil {
		return err
	}
	s.sample()
	if fresh {
		if err := s.create(); err != nil {
			return err
		}
	}
	manifest, err := checkMarkers(fs, s.storeName())
	if err != nil {
		return err
	}
	s.kept = &inventory{fs: fs, name: s.inventoryName(), dir: s.storeName()}
	if err := s.kept.check(manifest, s.opts.AcceptLoss); err != nil {
		return err
	}
	// A table that is gone is no longer listed when Pebble gives its number anew.
	if err := s.kept.save(); err != nil {
		return err
	}
	log := newestLog(fs, s.storeName()) // Pebble begins another one
	if s.db, err = s.openPebble(s.storeName(), s.kept); err != nil {
		return err
	}
	if err := s.recover(log); err != nil {
		return err
	}
	return s.kept.begin()
}

// create makes the store of a folder that has no FORMAT, which is the last file
// that it writes. Without it a crash interrupted create, nothing was ever
// acknowledged, and create begins again; or somebody lost the file, and the
// folder is refused.
func (s *Store) create() error {
	fs, dir := s.opts.FS, s.storeName()
	switch _, err := fs.Stat(dir); {
	case err == nil:
		if err := s.checkUnused(); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("kv: create: %w", err)
	default:
		if err := s.createPebble(); err != nil {
			return err
		}
	}
	if err := createWatermark(fs, s.watermarkName()); err != nil {
		return err
	}
	return writeFormat(fs, s.dir)
}

// createPebble makes a store whose first log is of the newest format: Pebble
// opens the very first log of a store before it raises the format, so the store
// is opened once, closed, and opened again by the caller. It gets its name once
// it is whole.
func (s *Store) createPebble() error {
	fs, temp := s.opts.FS, s.storeName()+".new"
	if err := fs.RemoveAll(temp); err != nil {
		return fmt.Errorf("kv: create: %w", err)
	}
	db, err := s.openPebble(temp, nil)
	if err != nil {
		return err
	}
	err = db.Close()
	s.cache.Unref()
	s.cache = nil
	if err == nil {
		err = fs.Rename(temp, s.storeName())
	}
	if err == nil {
		err = syncDir(fs, s.dir)
	}
	if err != nil {
		return fmt.Errorf("kv: create: %w", err)
	}
	return nil
}

// checkUnused refuses a folder that has no FORMAT and was used all the same.
func (s *Store) checkUnused() error {
	missing := fmt.Errorf("%w: %s is missing beside a store that was used", ErrCorrupt, s.opts.FS.PathJoin(s.dir, "FORMAT"))
	if _, err := s.opts.FS.Stat(s.inventoryName()); err == nil {
		return missing
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kv: %w", err)
	}
	if _, err := checkMarkers(s.opts.FS, s.storeName()); err != nil {
		return errors.Join(missing, err)
	}
	// No inventory is written: the store is not known to be that of this folder yet.
	db, err := s.openPebble(s.storeName(), &inventory{})
	if err != nil {
		return err
	}
	s.db = db
	seq, err := readSeq(s)
	err = errors.Join(err, db.Close())
	s.db = nil
	s.cache.Unref()
	s.cache = nil
	if err == nil && seq > 0 {
		return missing
	}
	return err
}

// recover reads the number of the last commit and compares it with the
// watermark. log is the newest that was replayed.
func (s *Store) recover(log string) error {
	last, err := readSeq(s)
	if err != nil {
		return err
	}
	if err := s.mark.open(s.opts.FS, s.watermarkName(), s.opts.AcceptLoss); err != nil {
		return err
	}
	// Run writes the watermark after the commits are durable, so it is never ahead
	// of a log that is whole. Replay of a log whose last block is damaged ends
	// early, as if that block had never been synced: only the watermark tells.
	if last < s.mark.seq && !s.opts.AcceptLoss {
		return fmt.Errorf("%w: %s ends at commit %d, but commit %d was acknowledged, says %s: the end of the log %s is damaged or missing, or an older copy was restored; tablecast up --accept-loss goes on without the missing commits",
			ErrBehindWatermark, s.dir, last, s.mark.seq, s.watermarkName(), log)
	}
	// Numbers that were acknowledged once are not given again.
	last = max(last, s.mark.seq)
	// What was replayed is durable, whether or not its writer heard of it.
	s.next = last + 1
	s.applied.Store(last)
	s.durable.Store(last)
	return nil
}

// Run keeps the watermark within a second of what is durable and watches the
// free space, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.sample()
			if err := s.mark.write(s.durable.Load()); err != nil {
				s.fatal(fmt.Errorf("kv: watermark: %w", err))
				return err
			}
			if err := s.kept.save(); err != nil {
				s.opts.Logger.Error("kv: the inventory is not written; it is tried again", "error", err)
			}
		}
	}
}

func (s *Store) storeName() string     { return s.opts.FS.PathJoin(s.dir, "store") }
func (s *Store) watermarkName() string { return s.opts.FS.PathJoin(s.dir, "WATERMARK") }
func (s *Store) inventoryName() string { return s.opts.FS.PathJoin(s.dir, "INVENTORY") }

// Close closes the store and unlocks the folder. Before it, Wait of all commits
// and Run must have returned, and all iterators and snapshots must be closed. A
// second Close, and Apply after Close, return ErrClosed; a read after it panics.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return ErrClosed
	}
	err := s.mark.write(s.durable.Load())
	return errors.Join(err, s.release())
}

// release frees what open acquired, in reverse.
func (s *Store) release() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
		if s.closed.Load() { // it was open, and what it wrote last is known
			errs = append(errs, s.kept.end())
		}
	}
	if s.cache != nil {
		s.cache.Unref()
	}
	errs = append(errs, s.mark.close())
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// fatal reports a failure of the log, the manifest or the watermark: the first
// one to Options.Fatal. From then on no commit is accepted or acknowledged.
func (s *Store) fatal(err error) {
	if s.failure.CompareAndSwap(nil, &err) {
		s.opts.Fatal(err)
	}
}

// failed returns what fatal was first called with, or nil.
func (s *Store) failed() error {
	if first := s.failure.Load(); first != nil {
		return fmt.Errorf("kv: an earlier write failed: %w", *first)
	}
	return nil
}

// usable returns why the store accepts no commits, or nil.
func (s *Store) usable() error {
	if s.closed.Load() {
		return ErrClosed
	}
	return s.failed()
}

// Stats are figures of a store at one moment.
type Stats struct {
	Applied, Durable uint64 // highest sequence number applied, durable
	Syncs            uint64 // fsyncs of the log since Open
	DiskFree         uint64 // bytes, at the last sample; 0 if the file system cannot tell
	DiskFull         bool   // ordinary batches are refused
	SizeBytes        uint64 // bytes that the store takes on disk
}

// Damaged returns nil, or the first damage that a read or a compaction met since
// Open, with the name of the file; it wraps ErrCorrupt.
func (s *Store) Damaged() error {
	if err := s.damage.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats returns the store's figures now.
func (s *Store) Stats() Stats {
	return Stats{
		Applied:   s.Applied(),
		Durable:   s.Durable(),
		Syncs:     s.syncs.Load(),
		DiskFree:  s.space.free.Load(),
		DiskFull:  s.space.full.Load(),
		SizeBytes: s.db.Metrics().DiskSpaceUsage(),
	}
}
