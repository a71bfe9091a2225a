// Package campaigntest is what the long tests share. A campaign is a test that can
// run for hours: the test command runs its short form, `make campaign-NAME` as
// much of it as asked for. Each takes its random choices from one seed, prints
// the seed, and ends with one line that says what was run, how it went and which
// command runs it again.
package campaigntest

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	length = flag.Int("length", 0, "length of the campaign in its unit; 0 is the short form")
	seed   = flag.Uint64("seed", 0, "seed of the random choices; 0 takes one from the clock")
)

// A Campaign is one run of a long test.
type Campaign struct {
	Name string // of the make target, without "campaign-"
	N    int    // how long it is, in the unit
	Seed uint64
	Done int // how much of N was run; the test counts it up

	unit  string
	asked int // the N that runs the same again, whatever became of N since
	begin time.Time
}

// Start begins a campaign of the length that flags ask for, else of the short
// length. The unit is the plural of what is counted, such as "power losses". The
// campaign's last line is printed when the test ends.
func Start(t testing.TB, name, unit string, short int) *Campaign {
	t.Helper()
	c := &Campaign{Name: name, N: *length, Seed: *seed, unit: unit, begin: time.Now()}
	if c.N == 0 {
		c.N = short
	}
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	c.asked = c.N
	t.Logf("campaign %s: %d %s, seed %d", c.Name, c.N, c.unit, c.Seed)
	t.Cleanup(func() { c.end(t) })
	return c
}

// Long reports whether the flags asked for more than the short form.
func Long() bool { return *length != 0 }

// Rand returns a source of random choices, the same for the same seed and stream.
func (c *Campaign) Rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// end prints the line that stands for the run.
func (c *Campaign) end(t testing.TB) {
	result := "passed"
	switch {
	case t.Failed():
		result = "FAILED"
	case t.Skipped():
		result = "could not run"
	}
	t.Logf("campaign %s: %s: %d of %d %s in %s, seed %d; again: make campaign-%s N=%d SEED=%d", c.Name, result,
		c.Done, c.N, c.unit, time.Since(c.begin).Round(time.Second), c.Seed, c.Name, c.asked, c.Seed)
}
