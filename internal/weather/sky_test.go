package weather

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/target"
)

// A mood is how a target behaves for a while.
type mood int

const (
	works   mood = iota
	down         // fails at once
	slow         // takes seconds
	hangs        // does not answer; the caller gives up after 5 s
	forgets      // does it, and its answer is lost
	cheats       // says that it did what it did not do
	halves       // breaks off every other answer
	flaps        // another mood for each call
	breaks       // panics
	moods
)

var errDown = errors.New("down")

// deliver is the body of all targets: what the outside world sees of a call.
func (w *world) deliver(ctx context.Context, d *target.Delivery, age int) (r target.Response, err error) {
	var in struct {
		N      int  `json:"n"`
		Poison bool `json:"poison"`
	}
	if err := json.Unmarshal(d.Event.Detail, &in); err != nil {
		return r, err
	}
	w.mu.Lock()
	if age != w.age {
		w.mu.Unlock()
		return r, errDown // this process has been killed: nobody sees what it does
	}
	l := w.ledgers[d.Rule]
	m := l.mood
	if m == flaps {
		m = mood(w.rand.IntN(int(flaps)))
	}
	delay := time.Duration(w.rand.IntN(20_000)) * time.Millisecond
	coin := w.rand.IntN(2) == 0
	l.called(w, in.N, d.Event.Group)
	w.mu.Unlock()
	err = behave(ctx, m, delay, coin)
	if in.Poison && err == nil {
		err = &target.Error{Code: target.CodeClientError, Msg: "poison", Permanent: true}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && age == w.age {
		l.answered(in.N, ctx.Err() != nil)
	}
	return r, err
}

// behave waits and answers as a target of the mood does.
func behave(ctx context.Context, m mood, delay time.Duration, coin bool) error {
	switch m {
	case down, forgets:
		return errDown
	case slow:
		return sleep(ctx, delay)
	case hangs:
		if err := sleep(ctx, 5*time.Second); err != nil {
			return err
		}
		return &target.Error{Code: target.CodeTimeout, Msg: "no answer"}
	case halves:
		if coin {
			return &target.Error{Code: target.CodeUnavailable, Msg: "half an answer"}
		}
	case breaks:
		panic("a target broke")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A call is what the outside world knows of one event of one rule.
type call struct {
	answeredAt time.Time // when the caller was told that it is done; zero if never
	lost       bool      // a kill or a shutdown may have lost that answer
	redriven   bool      // it was a dead letter that was sent again
	calls      int
}

// A ledger is what should have become of the events of one rule. The world's mu
// guards it.
type ledger struct {
	rule    string
	ordered bool
	mood    mood
	matched map[int]*call  // by the number of the event
	last    map[string]int // by group: the highest number that was called
	dropped bool           // its target was removed at times, with what was pending
}

func newLedger(rule string, ordered bool) *ledger {
	return &ledger{rule: rule, ordered: ordered, matched: map[int]*call{}, last: map[string]int{}}
}

// called notes a call of the target, and checks that it may come: the event
// matched, no answer to it was given before that the caller kept, and of an ordered
// group none that came later was called before (P4).
func (l *ledger) called(w *world, n int, group string) {
	c := l.matched[n]
	if c == nil {
		w.t.Errorf("rule %s got event %d, which it should not match", l.rule, n)
		return
	}
	w.deliveries++
	c.calls++
	if !c.answeredAt.IsZero() && !c.lost && !c.redriven {
		w.t.Errorf("rule %s got event %d again after it had answered", l.rule, n)
	}
	if !l.ordered || c.redriven {
		return
	}
	if n < l.last[group] {
		w.t.Errorf("P4: rule %s got event %d of group %s after %d", l.rule, n, group, l.last[group])
	}
	l.last[group] = max(l.last[group], n)
}

// answered notes that the target said it is done; lost says that nobody listened
// any more.
func (l *ledger) answered(n int, lost bool) {
	if c := l.matched[n]; c != nil {
		c.answeredAt, c.lost = time.Now(), c.lost || lost
	}
}

// cut notes that the process is killed: answers that it just got may be lost.
func (l *ledger) cut() {
	for _, c := range l.matched {
		if !c.answeredAt.IsZero() && time.Since(c.answeredAt) < time.Second {
			c.lost = true
		}
	}
}

// pick returns a random mood, in which targets work more often than not.
func pick(r *rand.Rand) mood {
	if r.IntN(3) > 0 {
		return works
	}
	return mood(r.IntN(int(moods)))
}
