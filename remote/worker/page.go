package worker

import (
	"context"
	"errors"
	"maps"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/stream"
)

// A mapped record has its events, or the reason why it is parked.
type mapped struct {
	record *stream.Record
	group  string // the item
	events []mapping.Raised
	err    error
}

// A page is the records of a part of a batch that are not dealt with, in order.
type page []*mapped

// raisedBytes bounds the bytes of the events that the records of a page raise. Those
// of its last record may have more, up to mapping.MaxBytes.
const raisedBytes = 4 << 20

// apply maps records up to the one with which the events have raisedBytes, and
// returns how many it mapped. Those that raise nothing need no more.
func (t *tableWorker) apply(set *mapping.Set, records []stream.Record) (out page, done int, err error) {
	raised := 0
	for done < len(records) && raised < raisedBytes {
		r := &records[done]
		events, err := set.Apply(r, t.wants(r))
		if d, _ := decide(err); err != nil && d != parking.Park {
			return nil, 0, err
		}
		if err != nil || len(events) > 0 {
			out = append(out, &mapped{record: r, group: mapping.Group(r), events: events, err: err})
		}
		for i := range events {
			raised += events[i].Bytes()
		}
		done++
	}
	return out, done, nil
}

// divide splits the page into the records to publish, and those to park: of
// items that are held, or that could not be mapped, and the later ones of those.
func (p page) divide(held map[string]bool) (publish, park page) {
	held = maps.Clone(held)
	for _, m := range p {
		if m.err == nil && held[m.group] {
			m.err = parking.ErrBehind
		}
		if m.err == nil {
			publish = append(publish, m)
			continue
		}
		held[m.group] = true
		park = append(park, m)
	}
	return publish, park
}

// wants says which definitions a change is for: those that were there already.
func (t *tableWorker) wants(r *stream.Record) func(definition string) bool {
	return func(definition string) bool { return !r.Time.Before(t.starts[definition]) }
}

// publish sends the events of a page. It returns the records whose events were
// accepted, and in park those of which the bus rejects one, in order with those
// behind them.
func (t *tableWorker) publish(ctx context.Context, p page) (accepted, park page, err error) {
	held := map[string]bool{}
	for len(p) > 0 {
		results := t.publisher.Publish(ctx, p.inLanes())
		if err := ctx.Err(); err != nil {
			return nil, nil, errors.Join(context.Cause(ctx), worst(results))
		}
		var again page
		for _, m := range p {
			err := worst(results[:len(m.events)])
			results = results[len(m.events):]
			d, _ := decide(err)
			switch {
			case held[m.group]:
				m.err = parking.ErrBehind
			case err != nil && d == parking.Park:
				m.err = err
			case err != nil: // behind an event of another item
				again = append(again, m)
			}
			if m.err != nil {
				held[m.group] = true
				park = append(park, m)
			} else if err == nil {
				accepted = append(accepted, m)
			}
		}
		p = again
	}
	return accepted, park, nil
}

// worst returns the error that decides of a record: that of an event which was
// rejected, or any.
func worst(results []error) (out error) {
	for _, err := range results {
		if errors.Is(err, eventbridge.ErrRejected) {
			return err
		}
		if err != nil {
			out = err
		}
	}
	return out
}

// inLanes returns the events of a page. Those that must stay in order are of one
// group: those of one item, and those of one group that a definition names.
func (p page) inLanes() (out []mapping.Raised) {
	lanes := map[string]string{}
	var find func(string) string
	find = func(name string) string {
		up, ok := lanes[name]
		if !ok || up == name {
			return name
		}
		lanes[name] = find(up)
		return lanes[name]
	}
	for _, m := range p {
		for i := range m.events {
			if g := "group " + m.events[i].Event.Group; m.events[i].Event.Group != m.group {
				lanes[find(g)] = find("item " + m.group)
			}
		}
	}
	for _, m := range p {
		lane := find("item " + m.group)
		for _, e := range m.events {
			e.Event.Group = lane
			out = append(out, e)
		}
	}
	return out
}
