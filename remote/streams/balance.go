package streams

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A view is what one worker knows of the leases: the rows, since when each has
// not changed, and which are held.
type view struct {
	me      string
	rows    []row // that are not at their end
	expired func(row) bool
	held    func(shard string) bool
	asked   func(shard string) time.Duration // for how long this worker has wanted it
	patient time.Duration                    // how long an owner may take to hand over
}

// plan says which rows to take now, and which owner to ask for which row, if
// any: an equal share of the rows for each worker, by moving one at a time.
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

// mostLoaded returns a row of the worker that has most, if that is more than one
// above what this worker has.
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
