package parity

import (
	"flag"
	"testing"
)

var (
	seeds = flag.Int("seeds", 6, "how many seeds to run; from longRun on, entries of deviations.yaml that no request met are errors")
	show  = flag.Int("show", 40, "how many kinds of unexplained differences to print")
	told  = flag.Bool("explained", false, "print what each entry of deviations.yaml explained")
	first = flag.Uint64("first", 1, "the first seed")
)

// longRun is how many seeds meet each known deviation.
const longRun = 300

// TestPeers sends the same sequences to Tablecast and to each peer that is
// installed.
func TestPeers(t *testing.T) {
	deviations := loadDeviations(t)
	ours := startTablecast(t)
	rep := newReport(deviations)
	var started []string
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			r := &run{ours: ours, theirs: startPeer(t, p), report: rep}
			started = append(started, p.name)
			for i := range *seeds {
				r.seed(t, *first+uint64(i))
			}
		})
	}
	rep.tell(t, *seeds >= longRun)
	rep.fail(t)
	if *told {
		rep.explain(t)
	}
	if *seeds >= longRun {
		rep.stale(t, started)
	}
}
