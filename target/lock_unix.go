//go:build unix

package target

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// lockFile keeps other writers of this file out, in this process and in others,
// until it is closed. It waits for them until ctx ends: whoever can read the file can
// lock it, too.
func lockFile(ctx context.Context, f *os.File) error {
	pause := wait.Backoff{Least: 100 * time.Microsecond, Most: 5 * time.Millisecond}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}
