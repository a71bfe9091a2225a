package bus

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
)

const (
	// maxClockStep is how far ahead of the clock the last firing of a schedule
	// may be. If it is further, the clock was wrong when the schedule fired.
	maxClockStep = 24 * time.Hour
	// scheduleInterval is the longest pause between two checks of the clock, which
	// may have been set meanwhile.
	scheduleInterval = time.Minute
)

// A scheduleState says how far the schedule of a rule has come. It is stored as
// JSON; Buses.scheduleMu guards its fields.
type scheduleState struct {
	Rule       string    `json:"rule"`
	Expression string    `json:"expression"`
	Base       time.Time `json:"base"` // when the schedule began
	Last       time.Time `json:"last"` // the latest moment that it fired for

	parsed *schedule.Schedule
}

func scheduleKey(rule string) kv.Key { return kv.NewKey('h').String(rule) }

// next returns the first moment for which the schedule has not fired; zero if
// there is none.
func (t *scheduleState) next() time.Time { return t.parsed.Next(t.Base, t.Last) }

// due returns the moment to fire for at the time now and sets Last to it: of
// several that have passed, the latest; zero if none has.
func (t *scheduleState) due(now time.Time) time.Time {
	at := t.parsed.Latest(t.Base, t.Last, now)
	if !at.IsZero() {
		t.Last = at
	}
	return at
}

// newScheduleState returns the schedule state of a rule that replaces old; nil if
// the rule has no schedule. A schedule starts again when its expression changes,
// and does not fire for moments that passed while its rule was disabled. The
// caller holds scheduleMu.
func (b *Buses) newScheduleState(old *ruleState, r *Rule) (*scheduleState, error) {
	if r.Schedule == "" {
		return nil, nil
	}
	s, err := schedule.Parse(r.Schedule)
	if err != nil {
		return nil, err
	}
	now := b.opts.Now().UTC()
	t := &scheduleState{Rule: r.Name, Expression: r.Schedule, Base: now, Last: now, parsed: s}
	if old == nil || old.schedule == nil || old.schedule.Expression != r.Schedule {
		return t, nil
	}
	t.Base = old.schedule.Base
	if !old.Disabled {
		t.Last = old.schedule.Last
	}
	return t, nil
}

// loadScheduleState reads the schedule state of a stored rule.
func (b *Buses) loadScheduleState(r *Rule) (*scheduleState, error) {
	t, err := b.newScheduleState(nil, r)
	if err != nil || t == nil {
		return nil, err
	}
	err = b.store.View(scheduleKey(r.Name), func(v []byte) error { return kv.Unmarshal(bytes.Clone(v), t) })
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	return t, nil
}

// runSchedules fires the schedules that are due, until ctx ends.
func (b *Buses) runSchedules(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	retries := wait.Backoff{Least: time.Second, Most: scheduleInterval}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.scheduleSignal:
		}
		next, failed := b.fireDue()
		if failed {
			next = max(next, retries.Next()) // what failed is due still
		} else {
			retries.Reset()
		}
		timer.Reset(next)
	}
}

// fireDue fires the schedules that are due, and returns after what time to look
// again. failed says that a firing could not be stored.
func (b *Buses) fireDue() (next time.Duration, failed bool) {
	next = scheduleInterval
	st, err := b.bus(Default)
	if err != nil {
		return next, true
	}
	for _, r := range st.rules {
		if r.schedule == nil || r.Disabled {
			continue
		}
		if err := b.fire(r.Name); err != nil {
			b.opts.Logger.Warn("bus: schedule", "rule", r.Name, "error", err)
			failed = true
		}
		if at := b.nextFiring(r.Name); !at.IsZero() {
			next = max(min(next, at.Sub(b.opts.Now())), time.Millisecond)
		}
	}
	return next, failed
}

// nextFiring returns when a rule fires next; zero if it does not.
func (b *Buses) nextFiring(rule string) time.Time {
	b.scheduleMu.Lock()
	defer b.scheduleMu.Unlock()
	if _, r, err := b.rule(Default, rule); err == nil && r.schedule != nil {
		return r.schedule.next()
	}
	return time.Time{}
}

// fire sends the targets of a rule the event of its schedule if one is due. Of
// moments that passed while no node ran, only the latest fires.
//
// The event, its rows and the new schedule state are one batch, so a crash
// before it fires the moment again and a crash after it does not. The state in
// memory moves after the commit; if that fails, the next round fires the same
// moment. scheduleMu is held throughout: PutRule replaces the state before all
// of that or after it.
func (b *Buses) fire(rule string) error {
	b.scheduleMu.Lock()
	defer b.scheduleMu.Unlock()
	st, r, err := b.rule(Default, rule)
	if err != nil || r.schedule == nil || r.Disabled {
		return nil // the rule was changed meanwhile
	}
	now := b.opts.Now().UTC()
	next := *r.schedule
	if next.Last.Sub(now) > maxClockStep {
		next.Last = now
	}
	at := next.due(now)
	if at.IsZero() {
		r.schedule.Last = next.Last
		return nil
	}
	e := b.stamp(&event.Event{
		Source: "aws.events", DetailType: "Scheduled Event", Resources: []string{b.RuleARN(r.Bus, r.Name)}, Detail: []byte("{}"), Time: at,
	})
	a := &routed{Accepted: Accepted{Bus: r.Bus, Event: e, Rules: []string{r.Name}}, tombstone: st.tombstone, encoded: e.AppendBinary(nil), queues: r.queues}
	batch := b.store.NewBatch()
	batch.UseReserve()
	b.addRouted(batch, []*routed{a})
	batch.Set(scheduleKey(r.Name), encode(next))
	if err := b.commit(batch, []*routed{a}); err != nil {
		return err
	}
	r.schedule.Last = next.Last
	return nil
}
