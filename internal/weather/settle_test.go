package weather

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
)

// dead returns the numbers of the events that are dead letters of a rule.
func (w *world) dead(rule string) (numbers []int) {
	err := w.node.Queues().DeadLetters(context.Background(), delivery.DeadFilter{Bus: "main", Rule: rule}, func(d delivery.DeadLetter) bool {
		var in struct {
			N int `json:"n"`
		}
		if d.Event == nil || json.Unmarshal(d.Event.Detail, &in) != nil {
			w.t.Errorf("dead letter %d of rule %s has no event", d.Seq, rule)
			return true
		}
		numbers = append(numbers, in.N)
		return true
	})
	w.must(err)
	return numbers
}

// audit checks P6 while deliveries go on: what a rule counts as pending and as dead
// letters are the rows that there are.
func (w *world) audit() {
	for rule := range w.ledgers {
		c := w.node.Queues().Counts("main", rule)
		snapshot := w.node.Snapshot()
		for prefix, n := range map[string]uint64{"dr": c.Pending(), "x": c.DeadLettered} {
			rows := uint64(0)
			it := snapshot.Scan(kv.Prefix(kv.NewKey(prefix[0]).Raw([]byte(prefix[1:])).String("main").String(rule)))
			for it.Next() {
				rows++
			}
			w.must(it.Close())
			if rows != n {
				w.t.Errorf("P6: rule %s has %d keys of %s, counted %+v", rule, rows, prefix, c)
			}
		}
		snapshot.Close()
	}
}

// settle ends a day: all targets work, everything comes to rest, and the ledgers
// must be balanced.
func (w *world) settle(t *testing.T) {
	w.t = t
	w.mu.Lock()
	for _, l := range w.ledgers {
		l.mood = works
	}
	w.mu.Unlock()
	w.open()
	for waited := time.Duration(0); !w.node.Quiet(); waited += time.Hour {
		if waited > 2*day {
			t.Errorf("after %s something is left to do: %+v", waited, w.node.Queues().States())
			break
		}
		time.Sleep(time.Hour)
		synctest.Wait()
	}
	for _, l := range w.ledgers {
		w.balance(l)
	}
	for _, r := range w.node.Relays() {
		if int(r.Parked) != w.parked || r.Position < r.End {
			t.Errorf("P5, P8: %d changes are parked, want %d: %+v", r.Parked, w.parked, r)
		}
	}
	w.must(w.node.Close())
}

// balance compares what the outside world knows of a rule with what the node says
// (P6): each event that matched was delivered, is a dead letter, or was dropped with
// its target, and is counted as such.
func (w *world) balance(l *ledger) {
	c := w.node.Queues().Counts("main", l.rule)
	numbers := w.dead(l.rule)
	w.mu.Lock()
	defer w.mu.Unlock()
	isDead := map[int]bool{}
	for _, n := range numbers {
		if isDead[n] || l.matched[n] == nil {
			w.t.Errorf("rule %s has the dead letter %d twice, or did not match it", l.rule, n)
		}
		isDead[n] = true
	}
	if int(c.Matched) != len(l.matched) || int(c.DeadLettered) != len(numbers) || c.Delivered+c.DeadLettered+c.Dropped != c.Matched || c.Dropped > 0 && !l.dropped {
		w.t.Errorf("P6: rule %s matched %d events and has %d dead letters; counted %+v", l.rule, len(l.matched), len(numbers), c)
	}
	missing := 0
	for n, e := range l.matched {
		if e.answeredAt.IsZero() && !isDead[n] {
			if missing++; !l.dropped {
				w.t.Errorf("rule %s: event %d was neither delivered nor is it a dead letter", l.rule, n)
			}
		}
	}
	if missing > int(c.Dropped) {
		w.t.Errorf("rule %s: %d events are missing, %d were dropped", l.rule, missing, c.Dropped)
	}
}
