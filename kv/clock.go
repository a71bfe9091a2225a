package kv

import (
	"time"

	"github.com/tablecast/tablecast/internal/machine"
)

// SteadyClock returns a clock that shows the earlier of two times: now, and the
// result of now at this call plus the time since, with the time that the machine was
// suspended. So neither a wall clock that is set forward, nor one that was ahead and is
// corrected, makes anything look older than it is, and what ages while the machine
// sleeps is old when it wakes. It is for what cannot be undone: expiry and trimming.
func SteadyClock(now func() time.Time) func() time.Time { return steadyClock(now, machine.Uptime) }

// steadyClock is SteadyClock with a clock that counts suspended time, or shows 0.
func steadyClock(now func() time.Time, uptime func() time.Duration) func() time.Time {
	// Round strips the monotonic reading: with it Before and Add would go by that, and
	// see nothing of a wall clock that is set.
	start, up, wall := time.Now(), uptime(), now().Round(0)
	return func() time.Time {
		counted := wall.Add(max(time.Since(start), uptime()-up))
		if said := now().Round(0); said.Before(counted) {
			return said
		}
		return counted
	}
}
