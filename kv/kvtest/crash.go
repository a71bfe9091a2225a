package kvtest

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A CrashFS is a file system in memory that can tell what a power loss would
// leave of it. The same seed and the same calls give the same clones.
type CrashFS struct {
	*vfs.MemFS
	rng *rand.Rand
}

// NewCrashFS returns an empty file system whose random choices follow seed.
func NewCrashFS(seed uint64) *CrashFS {
	return &CrashFS{vfs.NewCrashableMem(), rand.New(rand.NewPCG(seed, seed))}
}

// Clone returns the file system as a power loss at this moment would leave it:
// what was synced, and of each block and name that was not synced, a random
// unsyncedPercent (0 to 100). The original is unchanged and may go on being
// written meanwhile. Clone is for one goroutine at a time.
func (c *CrashFS) Clone(unsyncedPercent int) *CrashFS {
	rng := rand.New(rand.NewPCG(c.rng.Uint64(), c.rng.Uint64()))
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rng}
	return &CrashFS{c.CrashClone(cfg), rng}
}

// Unwrap implements vfs.FS.
func (c *CrashFS) Unwrap() vfs.FS { return c.MemFS }
