package kv

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// compactions is Pebble's scheduler of compactions, which starts none before the
// store is open: a pebble.Open that fails frees what a running compaction uses.
type compactions struct {
	pebble.CompactionScheduler
	allowed atomic.Bool
}

func newCompactions() *compactions {
	// This one has no goroutine, which nobody would stop after a failed Open.
	return &compactions{CompactionScheduler: pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()}
}

// allow lets compactions start.
func (c *compactions) allow() {
	c.allowed.Store(true)
	c.grant()
}

// grant starts the compactions that wait for their turn.
func (c *compactions) grant() {
	// The scheduler looks for those that wait when a compaction ends.
	if ok, handle := c.TrySchedule(); ok {
		handle.Done()
	}
}

// Register implements pebble.CompactionScheduler.
func (c *compactions) Register(goroutines int, db pebble.DBForCompaction) {
	c.CompactionScheduler.Register(goroutines, &gatedDB{db, &c.allowed})
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler. More
// compactions than before may run at once.
func (c *compactions) UpdateGetAllowedWithoutPermission() {
	go c.grant() // the caller holds locks that grant takes
}

// A gatedDB may run no compactions until they are allowed.
type gatedDB struct {
	pebble.DBForCompaction
	allowed *atomic.Bool
}

// GetAllowedWithoutPermission implements pebble.DBForCompaction.
func (d *gatedDB) GetAllowedWithoutPermission() int {
	if !d.allowed.Load() {
		return 0
	}
	return d.DBForCompaction.GetAllowedWithoutPermission()
}
