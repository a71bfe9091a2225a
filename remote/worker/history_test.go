package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/tablecast/tablecast/parking"
)

// Workers of two groups that come and go, over roads that lose calls and
// answers, while records cannot be mapped and an operator redrives: no change is
// lost, those of one item arrive in order, and one event arrives twice only with
// an equal id.
func TestHistories(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		t.Run(strconv.Itoa(round), func(t *testing.T) { history(t, rand.Uint64()) })
	}
}

func history(t *testing.T, seed uint64) {
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	smooth := newPair(t, users)
	from, one := roughen(t, smooth.from, seed, 4)
	to, two := roughen(t, smooth.to, seed+1, 4)
	bumpy := &pair{from, to, smooth.log}

	var stops []func()
	begin := func() {
		w := bumpy.open(t, "g", strict)
		for w.Prepare(t.Context()) != nil { // what can pass is tried on inside; a lost call may not
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		stop := sync.OnceFunc(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(stop)
		stops = append(stops, stop)
	}
	begin()
	begin()
	operator := smooth.open(t, "g", lenient)
	written := map[string]int{}
	for range 150 {
		id := fmt.Sprint("i", rnd.IntN(12))
		written[id]++
		if n := strconv.Itoa(written[id]); rnd.IntN(12) == 0 {
			smooth.put(t, "id", id, "n", n)
		} else {
			smooth.put(t, "id", id, "n", n, "email", "e")
		}
		switch rnd.IntN(30) {
		case 0:
			i := rnd.IntN(len(stops))
			stops[i]()
			begin()
		case 1:
			redrive(t, operator, parking.Selection{})
		}
	}
	one.smooth()
	two.smooth()
	until(t, "all arrived or parked", func() bool {
		redrive(t, operator, parking.Selection{})
		return smooth.complete(t, written)
	})
	smooth.judge(t, written)
}

// complete reports whether the last change of each item arrived.
func (p *pair) complete(t *testing.T, written map[string]int) bool {
	last := map[string]int{}
	for _, f := range p.facts(t) {
		n, err := strconv.Atoi(f.Data["n"])
		if err != nil {
			continue // of the strict mapping, which tells no number
		}
		last[f.Data["id"]] = max(last[f.Data["id"]], n)
	}
	for id, n := range written {
		if last[id] < n {
			return false
		}
	}
	return true
}

// judge checks what arrived.
func (p *pair) judge(t *testing.T, written map[string]int) {
	t.Helper()
	byID := map[string]string{}
	ids := map[string]string{}
	next := map[string]int{}
	for _, f := range p.facts(t) {
		what := f.Data["id"] + "/" + f.Data["n"]
		id := f.Metadata.EventID
		if was, seen := byID[id]; seen && was != what {
			t.Errorf("%s and %s have one id", was, what)
		}
		if was, seen := ids[what]; seen && was != id {
			t.Errorf("%s came with two ids", what)
		}
		if byID[id] == what {
			continue // a repeat, with its id
		}
		byID[id], ids[what] = what, id
		next[f.Data["id"]]++
		if want := strconv.Itoa(next[f.Data["id"]]); f.Data["n"] != want {
			t.Errorf("%s arrived where change %s was due", what, want)
		}
	}
	for id, n := range written {
		if next[id] != n {
			t.Errorf("of %d changes of %s, %d arrived", n, id, next[id])
		}
	}
}
