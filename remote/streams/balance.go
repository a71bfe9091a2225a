package streams

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A view is what one worker knows of the leases when it decides which to take.
type view struct {
	me      string
	rows    []row          // that are not at their end
	expired func(row) bool // the owner did not write for expireAfter
	held    func(shard string) bool
	asked   func(shard string) time.Duration // for how long this worker has wanted it
	patient time.Duration                    // how long an owner may take to hand over
}

// plan returns the leases to take now and the one to ask its owner for, if any, so
// that each worker gets an equal share. A lease that its owner renews is asked for,
// one at a time; it is taken without consent only after patient, from an owner that
// lives and does not give it up.
func (v view) plan() (takes []row, ask *row) {
	owned := map[string]int{v.me: 0}
	var free []row
	var asking bool
	for _, r := range v.rows {
		switch {
		case r.Owner == v.me && v.held(r.Shard):
			owned[v.me]++
		case r.Owner == v.me: // handed over to this worker, or taken by a write whose reply was lost
			takes = append(takes, r)
		case r.Owner == "" || v.expired(r):
			free = append(free, r)
		case r.Wanted == v.me && v.asked(r.Shard) > v.patient:
			takes = append(takes, r)
		default:
			asking = asking || r.Wanted == v.me
			owned[r.Owner]++
		}
	}
	share := (len(v.rows) + len(owned) - 1) / len(owned)
	room := share - owned[v.me] - len(takes)
	if len(free) > 0 {
		rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
		return append(takes, free[:min(len(free), max(room, 0))]...), nil
	}
	if room <= 0 || asking {
		return takes, nil
	}
	return takes, v.mostLoaded(owned, len(takes))
}

// mostLoaded returns a random lease of the worker that has most, if those are at
// least two more than this worker's: else the two would only change places.
func (v view) mostLoaded(owned map[string]int, taking int) *row {
	most := ""
	for who, n := range owned {
		if n > owned[most] {
			most = who
		}
	}
	if owned[most] <= owned[v.me]+taking+1 {
		return nil
	}
	rows := slices.DeleteFunc(slices.Clone(v.rows), func(r row) bool { return r.Owner != most || r.Wanted != "" })
	if len(rows) == 0 {
		return nil
	}
	return &rows[rand.IntN(len(rows))]
}
