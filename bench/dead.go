package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"
)

const (
	// liveTargets is how many targets work beside the one that does not.
	liveTargets = 100
	// deadRate is the events in a second; each goes to all targets.
	deadRate = 100
	// deadRounds is how often a node with the dead target and one without it are
	// measured in turn.
	deadRounds = 5
)

// deadAmongLive measures how long events take to a hundred targets while another
// one takes calls and never answers, against the same without that one.
func deadAmongLive(ctx context.Context, dir string, s settings) error {
	dead, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its backlog for good
	if err != nil {
		return err
	}
	defer dead.Close()
	live := slices.Repeat([]string{here}, liveTargets)
	with, err := openNewsroom(filepath.Join(dir, "with-dead"), append(live[:liveTargets:liveTargets], "http://"+dead.Addr().String())...)
	if err != nil {
		return err
	}
	without, err := openNewsroom(filepath.Join(dir, "without-dead"), live...)
	if err != nil {
		return errors.Join(err, with.node.Close())
	}
	took := map[*newsroom][]time.Duration{}
	for range deadRounds {
		for _, n := range []*newsroom{with, without} {
			times, err := n.paced(ctx, deadRate, 1, s.time)
			if err != nil {
				return errors.Join(err, with.node.Close(), without.node.Close())
			}
			took[n] = append(took[n], times[len(times)*99/100])
		}
	}
	ours, floor := middle(took[with]), middle(took[without])
	row(fmt.Sprintf("p99 to %d targets, one more is dead / none is", liveTargets), ours.String(), floor.String(), ratio(ours, floor), "<= 1.10")
	return errors.Join(with.node.Close(), without.node.Close())
}

// middle returns the median of some times.
func middle(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2].Round(time.Microsecond)
}
