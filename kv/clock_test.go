package kv

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/tablecast/tablecast/internal/machine"
)

// A clock counts the time that the machine was suspended, and goes ahead of no clock.
func TestSteadyClock(t *testing.T) {
	for _, c := range []struct {
		name             string
		suspended, moved time.Duration // moved is how far the wall clock was set
		counts           bool          // whether the system counts suspended time
		want             time.Duration
	}{
		{"awake", 0, 0, true, 0},
		{"suspended", 2 * time.Hour, 0, true, 2 * time.Hour},
		{"suspended, on a system that does not count it", 2 * time.Hour, 0, false, 0},
		{"set forward", 0, 24 * time.Hour, true, 0},
		{"set forward, on a system that does not count", 0, 24 * time.Hour, false, 0},
		{"set forward while suspended", 2 * time.Hour, 24 * time.Hour, true, 2 * time.Hour},
		{"set back", 0, -2 * time.Hour, true, -2 * time.Hour},
		{"set back while suspended", 2 * time.Hour, -time.Hour, true, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			var suspended, moved time.Duration
			now := func() time.Time { return set(time.Now(), suspended+moved) }
			uptime := func() time.Duration {
				if !c.counts {
					return 0
				}
				return 100*time.Hour + time.Since(begin) + suspended
			}
			clock := steadyClock(now, uptime)
			suspended, moved = c.suspended, c.moved
			got, awake := clock().Sub(begin.Round(0)), time.Since(begin)
			if got < c.want-time.Second || got > c.want+awake+time.Second {
				t.Errorf("%v passed, want %v", got, c.want)
			}
		})
	}
}

// set returns the time as time.Now returns it once the wall clock was set forward: its
// monotonic reading stays. Seconds begin at bit 30 of the first word of a time.
func set(at time.Time, by time.Duration) time.Time {
	words := (*[2]uint64)(unsafe.Pointer(&at))
	words[0] += uint64(by/time.Second) << 30
	return at
}

// The uptime goes on as the clock of package time does on a machine that is awake.
func TestUptime(t *testing.T) {
	// Each reading of the uptime lies between two of the clock, however long the test
	// is held up between them.
	read := func() (before, after time.Time, up time.Duration) {
		before, up = time.Now(), machine.Uptime()
		return before, time.Now(), up
	}
	first, second, begin := read()
	if begin == 0 {
		t.Skip("the system does not count the time that it is suspended")
	}
	for time.Since(second) < 20*time.Millisecond {
		runtime.Gosched()
	}
	third, fourth, end := read()
	const slewed = time.Millisecond // at most, by which the clocks of the system differ meanwhile
	if passed := end - begin; passed < third.Sub(second)-slewed || passed > fourth.Sub(first)+slewed {
		t.Errorf("%v passed, the clock of package time says %v to %v", passed, third.Sub(second), fourth.Sub(first))
	}
}
