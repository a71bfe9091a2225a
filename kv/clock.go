package kv

import "time"

// SteadyClock returns a clock that shows the earlier of two times: now, and the
// result of now at this call plus the monotonic time since. So neither a wall
// clock that is set forward, nor one that was ahead and is corrected, makes
// anything look older than it is. It is for what cannot be undone: expiry and
// trimming.
func SteadyClock(now func() time.Time) func() time.Time {
	start, wall := time.Now(), now()
	return func() time.Time {
		counted := wall.Add(time.Since(start))
		if said := now(); said.Before(counted) {
			return said
		}
		return counted
	}
}
