package server

import (
	"context"
	"time"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
)

// counters are where the events of a rule or target are (P6).
type counters struct {
	Matched      uint64 `json:"matched"`
	Delivered    uint64 `json:"delivered"`
	DeadLettered uint64 `json:"deadLettered"`
	Dropped      uint64 `json:"dropped"`
	Pending      uint64 `json:"pending"`
}

func countersOf(c delivery.Counts) counters {
	return counters{c.Matched, c.Delivered, c.DeadLettered, c.Dropped, c.Pending()}
}

func (c *counters) add(o counters) {
	c.Matched += o.Matched
	c.Delivered += o.Delivered
	c.DeadLettered += o.DeadLettered
	c.Dropped += o.Dropped
	c.Pending += o.Pending
}

// A busIn selects the bus of a list; empty means all.
type busIn struct {
	Bus string `json:"bus"`
}

// eachRule calls fn for the rules of the selected buses, until it returns false.
func (a administration) eachRule(in busIn, fn func(bus.Rule) bool) error {
	for _, b := range a.node.Buses().List("") {
		if in.Bus != "" && in.Bus != b.Name {
			continue
		}
		rules, err := a.node.Buses().Rules(b.Name, "")
		if err != nil {
			return err
		}
		for _, r := range rules {
			if !fn(r) {
				return nil
			}
		}
	}
	return nil
}

// buses answers a bus a line, with the counters of its rules added up.
func (a administration) buses(_ context.Context, in busIn, out *lines) error {
	for _, b := range a.node.Buses().List("") {
		if in.Bus != "" && in.Bus != b.Name {
			continue
		}
		x := struct {
			Bus         string `json:"bus"`
			Description string `json:"description,omitzero"`
			Rules       int    `json:"rules"`
			counters
		}{Bus: b.Name, Description: b.Description}
		err := a.eachRule(busIn{b.Name}, func(r bus.Rule) bool {
			x.Rules++
			x.add(countersOf(a.node.Queues().Counts(r.Bus, r.Name)))
			return true
		})
		if err != nil || !out.put(x) {
			return err
		}
	}
	return nil
}

// rules answers a rule a line.
func (a administration) rules(_ context.Context, in busIn, out *lines) error {
	return a.eachRule(in, func(r bus.Rule) bool {
		return out.put(struct {
			Bus       string `json:"bus"`
			Rule      string `json:"rule"`
			Pattern   string `json:"pattern,omitzero"`
			Disabled  bool   `json:"disabled,omitzero"`
			ManagedBy string `json:"managedBy,omitzero"`
			Targets   int    `json:"targets"`
			counters
		}{r.Bus, r.Name, r.Pattern, r.Disabled, r.ManagedBy, len(r.Targets), countersOf(a.node.Queues().Counts(r.Bus, r.Name))})
	})
}

// targets answers a target of a rule a line.
func (a administration) targets(_ context.Context, in busIn, out *lines) error {
	for _, s := range a.node.Queues().States() {
		if in.Bus != "" && in.Bus != s.ID.Bus {
			continue
		}
		more := out.put(struct {
			Bus         string    `json:"bus"`
			Rule        string    `json:"rule"`
			Target      string    `json:"target"`
			ARN         string    `json:"arn"`
			InFlight    int       `json:"inFlight"`
			Failures    int       `json:"failuresInARow"`
			LastError   string    `json:"lastError,omitzero"`
			LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
			Paused      time.Time `json:"pausedUntil,omitzero"`
			counters
		}{s.ID.Bus, s.ID.Rule, s.ID.Target, s.ARN, s.InFlight, s.Failures, s.LastError, s.LastErrorAt, s.NextProbe, countersOf(s.Counts)})
		if !more {
			return nil
		}
	}
	return nil
}
