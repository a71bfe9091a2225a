package server

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/delivery"
)

// A deadIn selects dead letters.
type deadIn struct {
	Bus    string    `json:"bus"`
	Rule   string    `json:"rule"`
	Target string    `json:"target"`
	Event  string    `json:"event"` // id of the event
	Code   string    `json:"code"`
	Text   string    `json:"text"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Limit  int       `json:"limit"` // of the list; 0 for all
}

func (in *deadIn) filter() delivery.DeadFilter {
	return delivery.DeadFilter{
		Bus: in.Bus, Rule: in.Rule, Target: in.Target, Event: in.Event, Code: in.Code, Text: in.Text, Since: in.Since, Until: in.Until,
	}
}

// A deadLetter as answers show it.
type deadLetter struct {
	Bus        string            `json:"bus"`
	Rule       string            `json:"rule"`
	Target     string            `json:"target"`
	Seq        uint64            `json:"seq"`
	EventID    string            `json:"eventId,omitzero"`
	First      time.Time         `json:"first"`
	Last       time.Time         `json:"last"`
	Attempts   int               `json:"attempts"`
	Attributes map[string]string `json:"attributes"`
	History    delivery.History  `json:"history"`
	Event      jsontext.Value    `json:"event,omitzero"`
}

// deadLetters answers a dead letter a line.
func (a administration) deadLetters(ctx context.Context, in deadIn, out *lines) error {
	n := 0
	return a.node.Queues().DeadLetters(ctx, in.filter(), func(d delivery.DeadLetter) bool {
		x := deadLetter{
			Bus: d.Queue.Bus, Rule: d.Queue.Rule, Target: d.Queue.Target, Seq: d.Seq, First: d.First, Last: d.Last,
			Attempts: d.Attempts, Attributes: a.node.Buses().DeadAttributes(&d), History: d.History,
		}
		if d.Event != nil {
			x.EventID, x.Event = d.Event.ID, d.Event.AppendJSON(nil)
		}
		n++
		return out.put(x) && n != in.Limit
	})
}

// redriveDead answers {"events": …, "homeless": …, "empty": …} now and then, and
// at the end.
func (a administration) redriveDead(ctx context.Context, in deadIn, out *lines) error {
	last := time.Now()
	sum, err := a.node.Queues().Redrive(ctx, in.filter(), func(r delivery.RedriveResult) {
		if time.Since(last) >= progressEvery {
			last = time.Now()
			out.put(r)
		}
	})
	if err == nil {
		out.put(sum)
	}
	return err
}

// dropDead answers {"dropped": …}.
func (a administration) dropDead(ctx context.Context, in deadIn, out *lines) error {
	n, err := a.node.Queues().Drop(ctx, in.filter())
	if err == nil {
		out.put(map[string]int{"dropped": n})
	}
	return err
}
