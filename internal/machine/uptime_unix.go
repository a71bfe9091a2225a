//go:build linux || darwin

package machine

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime returns how long the machine has run, with the time that it was suspended,
// which the monotonic clock of package time leaves out; 0 if the system does not say.
func Uptime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(uptimeClock, &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}
