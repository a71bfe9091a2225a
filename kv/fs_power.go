//go:build tablecast_power

package kv

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/powerfs"
)

// systemFS returns a file system that loses what is not synced when the process is
// killed. The environment says how; see powerfs.Options.
var systemFS = sync.OnceValue(func() vfs.FS {
	number := func(name string) int {
		n, _ := strconv.Atoi(os.Getenv(name)) // 0 if it is not set
		return n
	}
	fs, err := powerfs.New(powerfs.Options{
		Root: os.Getenv("TABLECAST_POWER_ROOT"), Keep: number("TABLECAST_POWER_KEEP"),
		Seed: uint64(number("TABLECAST_POWER_SEED")), KillAt: number("TABLECAST_POWER_KILL"),
	})
	if err != nil {
		panic(fmt.Sprintf("kv: TABLECAST_POWER_ROOT: %v", err))
	}
	return fs
})
