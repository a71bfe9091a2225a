package kv

import "time"

// SteadyClock returns the earlier of two clocks: now, and what now said at this
// call plus the time that has passed since by the machine's own count. So
// neither a wall clock that is set forward, nor one that was ahead and is set
// right, makes anything look older than it is. It is for what cannot be taken
// back: expiry and trimming.
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
