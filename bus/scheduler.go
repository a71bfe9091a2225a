package bus

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

const (
	// clockJump is how far a clock may go back before what a schedule fired by
	// it counts as fired too early.
	clockJump = 24 * time.Hour
	// scheduleLook is the longest time between two looks at the clock.
	scheduleLook = time.Minute
)

// A timetable is what a rule's schedule has done. It is stored.
type timetable struct {
	Rule       string    `json:"rule"`
	Expression string    `json:"expression"`
	Base       time.Time `json:"base"` // when the schedule began
	Last       time.Time `json:"last"` // it fired for moments up to this

	schedule *schedule.Schedule
}

func timetableKey(rule string) kv.Key { return kv.NewKey('h').String(rule) }

// next returns the first moment for which the schedule has not fired; zero if
// there is none.
func (t *timetable) next() time.Time { return t.schedule.Next(t.Base, t.Last) }

// due returns the moment to fire for at a time, the latest if several have
// passed, and notes it; zero if none has.
func (t *timetable) due(now time.Time) time.Time {
	at := t.schedule.Latest(t.Base, t.Last, now)
	if !at.IsZero() {
		t.Last = at
	}
	return at
}

// retime returns the timetable of a rule that is about to be stored in place of
// old; nil if it has no schedule. A schedule begins anew when its expression
// changes, and fires for nothing that passed while its rule was disabled. The
// caller holds timing.
func (b *Buses) retime(old *ruleState, r *Rule) (*timetable, error) {
	if r.Schedule == "" {
		return nil, nil
	}
	s, err := schedule.Parse(r.Schedule)
	if err != nil {
		return nil, err
	}
	now := b.opts.Now().UTC()
	t := &timetable{Rule: r.Name, Expression: r.Schedule, Base: now, Last: now, schedule: s}
	if old == nil || old.time == nil || old.time.Expression != r.Schedule {
		return t, nil
	}
	t.Base = old.time.Base
	if !old.Disabled {
		t.Last = old.time.Last
	}
	return t, nil
}

// loadTimetable reads the timetable of a stored rule.
func (b *Buses) loadTimetable(r *Rule) (*timetable, error) {
	t, err := b.retime(nil, r)
	if err != nil || t == nil {
		return nil, err
	}
	err = b.store.View(timetableKey(r.Name), func(v []byte) error { return json.Unmarshal(bytes.Clone(v), t) })
	if err != nil {
		return nil, fmt.Errorf("timetable: %w", err)
	}
	return t, nil
}

// keepTime fires what is due, until ctx ends.
func (b *Buses) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.scheduleWoken:
		}
		wait := scheduleLook
		st, err := b.bus(Default)
		if err != nil {
			return
		}
		for _, r := range st.rules {
			if r.time == nil || r.Disabled {
				continue
			}
			if err := b.fire(r.Name); err != nil {
				b.opts.Logger.Warn("bus: schedule", "rule", r.Name, "error", err)
			}
			if next := b.nextFiring(r.Name); !next.IsZero() {
				wait = max(min(wait, next.Sub(b.opts.Now())), time.Millisecond)
			}
		}
		timer.Reset(wait)
	}
}

// nextFiring returns when a rule fires next; zero if it does not.
func (b *Buses) nextFiring(rule string) time.Time {
	b.timing.Lock()
	defer b.timing.Unlock()
	if _, r, err := b.rule(Default, rule); err == nil && r.time != nil {
		return r.time.next()
	}
	return time.Time{}
}

// fire sends a rule's targets the event of its schedule if one is due. The
// batch holds the timetable, too: no moment fires twice. Of moments that passed
// while no node ran, the latest fires.
func (b *Buses) fire(rule string) error {
	b.timing.Lock()
	defer b.timing.Unlock()
	st, r, err := b.rule(Default, rule)
	if err != nil || r.time == nil || r.Disabled {
		return nil // changed a moment ago
	}
	now := b.opts.Now().UTC()
	next := *r.time
	if next.Last.Sub(now) > clockJump {
		next.Last = now // a clock was wrong, and is right again
	}
	at := next.due(now)
	if at.IsZero() {
		r.time.Last = next.Last
		return nil
	}
	e := b.stamp(&event.Event{
		Source: "aws.events", DetailType: "Scheduled Event", Resources: []string{b.RuleARN(r.Bus, r.Name)}, Detail: []byte("{}"), Time: at,
	})
	a := &addition{Accepted: Accepted{Bus: r.Bus, Event: e, Rules: []string{r.Name}}, life: st.life, stored: e.AppendBinary(nil), queues: r.queues}
	batch := b.store.NewBatch()
	batch.UseReserve()
	b.add(batch, []*addition{a})
	batch.Set(timetableKey(r.Name), encode(next))
	if err := b.commit(batch, []*addition{a}); err != nil {
		return err
	}
	r.time.Last = next.Last
	return nil
}
