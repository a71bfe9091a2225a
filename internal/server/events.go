package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/pattern"
)

// maxRecent is how many attempts are remembered for those who ask for an event.
const maxRecent = 4096

// A recent remembers the last attempts.
type recent struct {
	mu   sync.Mutex
	list []delivery.Attempt // a ring; guarded by mu
	next int
}

func (r *recent) add(a delivery.Attempt) {
	a.Event, a.Response.Body = nil, nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < maxRecent {
		r.list = append(r.list, a)
		return
	}
	// The list is full: next is the oldest attempt, which this one replaces.
	r.list[r.next] = a
	r.next = (r.next + 1) % maxRecent
}

// of returns the attempts that are remembered of an event in a queue, the oldest
// first.
func (r *recent) of(id delivery.QueueID, seq uint64) (out []attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.list {
		a := &r.list[(r.next+i)%len(r.list)]
		if a.Queue != id || a.Seq != seq {
			continue
		}
		x := attempt{Number: a.Number, Start: a.Start.UTC(), Millis: float64(a.Took) / 1e6, Outcome: a.Outcome, Status: a.Response.Status}
		if a.Err != nil {
			x.Error = a.Err.Error()
		}
		out = append(out, x)
	}
	return out
}

// An attempt as answers show it.
type attempt struct {
	Number  int       `json:"number"`
	Start   time.Time `json:"start"`
	Millis  float64   `json:"millis"`
	Outcome string    `json:"outcome"`
	Status  string    `json:"status,omitzero"`
	Error   string    `json:"error,omitzero"`
}

type tailIn struct {
	Bus     string `json:"bus"` // empty: all
	Pattern string `json:"pattern"`
}

// A tailed event as answers show it.
type tailed struct {
	Bus   string         `json:"bus"`
	Time  time.Time      `json:"time"` // when it was durable
	Rules []string       `json:"rules"`
	Event jsontext.Value `json:"event"`
}

// tailBuffer is how many events may wait for who reads a tail.
const tailBuffer = 1024

// tail answers {"bus": …, "rules": …, "event": …} for each event that is
// accepted, until the client ends it; {"missed": N} where the client was too
// slow for N events.
func (a administration) tail(ctx context.Context, in tailIn, out *lines) error {
	wanted, err := pattern.Compile([]byte(`{"id":[{"exists":true}]}`))
	if in.Pattern != "" {
		wanted, err = pattern.Compile([]byte(in.Pattern))
	}
	if err != nil {
		return badRequest("pattern: " + err.Error())
	}
	var missed int
	var mu sync.Mutex
	events := make(chan bus.Accepted, tailBuffer)
	// The observer runs on the goroutine that accepts events, for all buses. It never
	// waits for the client: what finds no room is counted instead.
	stop := a.node.Watch(tablecast.Observer{Accepted: func(x bus.Accepted) {
		if in.Bus != "" && in.Bus != x.Bus {
			return
		}
		select {
		case events <- x:
		default:
			mu.Lock()
			missed++
			mu.Unlock()
		}
	}})
	defer stop()
	out.flush()
	for {
		select {
		case <-ctx.Done():
			return nil
		case x := <-events:
			mu.Lock()
			lost := missed
			missed = 0
			mu.Unlock()
			if lost > 0 && !out.put(map[string]int{"missed": lost}) {
				return nil
			}
			envelope := x.Event.AppendJSON(nil)
			if ok, err := wanted.Match(envelope); err != nil || !ok {
				continue
			}
			if !out.put(tailed{x.Bus, x.Time.UTC(), append([]string{}, x.Rules...), envelope}) {
				return nil
			}
		}
	}
}

// A verdict is what a rule makes of an event.
type ruleVerdict struct {
	Rule     string           `json:"rule"`
	Matches  bool             `json:"matches"`
	Disabled bool             `json:"disabled,omitzero"`
	Misses   []pattern.Miss   `json:"misses,omitzero"`
	Targets  []targetDelivery `json:"targets,omitzero"`
}

type targetDelivery struct {
	Target   string           `json:"target"`
	ARN      string           `json:"arn"`
	State    string           `json:"state"` // pending, dead-lettered, or settled: delivered or dropped
	Failed   int              `json:"failed"`
	Due      time.Time        `json:"due,omitzero"`
	History  delivery.History `json:"history,omitzero"`
	Attempts []attempt        `json:"attempts,omitzero"` // that this process remembers
}

type getIn struct {
	ID   string `json:"id"`
	Rule string `json:"rule"` // empty: all of the event's bus
}

// get answers {"bus": …, "seq": …, "event": …, "rules": […]} for each time that
// an event of the id was accepted and is still stored.
func (a administration) get(ctx context.Context, in getIn, out *lines) error {
	if in.ID == "" {
		return badRequest("id must not be empty")
	}
	found := 0
	for _, b := range a.node.Buses().List("") {
		var failed error
		err := a.node.Buses().Events(b.Name, 0, func(seq uint64, e *event.Event) bool {
			if e.ID == in.ID {
				found++
				failed = a.show(b.Name, in.Rule, seq, e, out)
			}
			return failed == nil && ctx.Err() == nil
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return err
		}
	}
	if found == 0 {
		return badRequest("no bus holds an event of the id " + in.ID + "; events are kept for 24 hours of running time, and while they are pending")
	}
	return nil
}

// rulesOf returns the rules of a bus, or the one that is asked for.
func (a administration) rulesOf(name, rule string) ([]bus.Rule, error) {
	if rule == "" {
		return a.node.Buses().Rules(name, "")
	}
	r, err := a.node.Buses().Rule(name, rule)
	if errors.Is(err, bus.ErrRuleNotFound) {
		return nil, badRequest(err.Error())
	}
	return []bus.Rule{r}, err
}

// show answers what became of one event, by all rules of its bus or one.
func (a administration) show(name, rule string, seq uint64, e *event.Event, out *lines) error {
	envelope := e.AppendJSON(nil)
	rules, err := a.rulesOf(name, rule)
	if err != nil {
		return err
	}
	raised, err := a.cause(e.Cause)
	if err != nil {
		return err
	}
	verdicts := []ruleVerdict{}
	for i := range rules {
		v, err := a.verdict(&rules[i], seq, envelope)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	out.put(struct {
		Bus   string         `json:"bus"`
		Seq   uint64         `json:"seq"`
		Event jsontext.Value `json:"event"`
		Cause *cause         `json:"cause,omitzero"`
		Rules []ruleVerdict  `json:"rules"`
	}{name, seq, envelope, raised, verdicts})
	return nil
}

// A cause as answers show it: what raised an event.
type cause struct {
	Definition string  `json:"definition"`
	Table      string  `json:"table"`
	Sequence   string  `json:"sequenceNumber"`
	Change     *change `json:"change,omitzero"` // while a stream has it
}

// cause returns the change that raised an event; nil for one of another
// producer.
func (a administration) cause(c event.Cause) (*cause, error) {
	if c == (event.Cause{}) {
		return nil, nil
	}
	out := &cause{Definition: c.Definition, Table: c.Table, Sequence: c.Sequence}
	r, err := a.node.Change(c.Table, c.Sequence)
	if err == nil && r != nil {
		out.Change = new(changeOf(r))
	}
	return out, err
}

// verdict tells what a rule makes of an event, and where the event is for each
// of its targets.
func (a administration) verdict(r *bus.Rule, seq uint64, envelope []byte) (ruleVerdict, error) {
	v := ruleVerdict{Rule: r.Name, Disabled: r.Disabled}
	if r.Pattern != "" {
		p, err := pattern.Compile([]byte(r.Pattern))
		if err != nil {
			return v, err
		}
		if v.Misses, err = p.Explain(envelope); err != nil {
			return v, err
		}
		v.Matches = len(v.Misses) == 0
	}
	for _, t := range r.Targets {
		id := delivery.QueueID{Bus: r.Bus, Rule: r.Name, Target: t.ID}
		fate, err := a.node.Queues().Status(id, seq)
		if err != nil {
			return v, err
		}
		attempts := a.recent.of(id, seq)
		if !v.Matches && fate.State == "" && len(attempts) == 0 {
			continue
		}
		x := targetDelivery{t.ID, t.ARN, fate.State, fate.Attempts, fate.Due, fate.History, attempts}
		if x.State == "" {
			x.State = "settled"
		}
		v.Targets = append(v.Targets, x)
	}
	return v, nil
}
