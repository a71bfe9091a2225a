// Package mapping turns change records into domain events, as definitions
// declare. It is pure: the same record and definitions give the same events,
// with the same ids.
//
// docs/mapping.md is the language's specification.
package mapping

import (
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A Kind is what happened to an item. An item whose time to live ended is
// expired, not removed.
type Kind string

// The kinds.
const (
	Insert Kind = "insert"
	Modify Kind = "modify"
	Remove Kind = "remove"
	Expire Kind = "expire"
)

// KindOf returns what a record tells of.
func KindOf(r *stream.Record) Kind {
	switch {
	case r.Op == stream.Insert:
		return Insert
	case r.Op == stream.Modify:
		return Modify
	case r.Expired:
		return Expire
	default:
		return Remove
	}
}

// A Definition declares one domain event.
type Definition struct {
	Name   string
	Table  string
	On     []Kind // empty: insert, modify and remove
	Source string
	// DetailType is the event's type. The default is the name.
	DetailType string
	Bus        string
	// Detail makes the event's detail. The default is the new image; for
	// removals the old image, or the keys where the stream's view has none.
	Detail *Template
	// FromHorizon starts the definition at the oldest record that is kept, not
	// at the end of the stream.
	FromHorizon bool
}

// A Raised event is on its way to a bus.
type Raised struct {
	Definition string
	Bus        string
	Event      event.Event
}

// A Set is the definitions of one table. It never changes.
type Set struct {
	account, region string
	byKind          map[Kind][]*Definition
}

// NewSet indexes definitions. Account and region stand in the events.
func NewSet(defs []Definition, account, region string) *Set {
	s := &Set{account: account, region: region, byKind: map[Kind][]*Definition{}}
	for _, d := range defs {
		on := d.On
		if len(on) == 0 {
			on = []Kind{Insert, Modify, Remove}
		}
		if d.DetailType == "" {
			d.DetailType = d.Name
		}
		for _, k := range on {
			if !slices.Contains(s.byKind[k], &d) {
				s.byKind[k] = append(s.byKind[k], &d)
			}
		}
	}
	return s
}

// An Error says that a definition could not make its event.
type Error struct {
	Definition string
	Err        error
}

func (e *Error) Error() string { return fmt.Sprintf("event %s: %v", e.Definition, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Apply returns the events that a record raises, in the order of the
// definitions; want says which definitions take part. Errors are of type
// *Error.
func (s *Set) Apply(r *stream.Record, want func(definition string) bool) ([]Raised, error) {
	var out []Raised
	for _, d := range s.byKind[KindOf(r)] {
		if !want(d.Name) {
			continue
		}
		detail, err := d.detail(r)
		if err != nil {
			return nil, &Error{d.Name, err}
		}
		arn := r.Stream.ARN()
		out = append(out, Raised{Definition: d.Name, Bus: d.Bus, Event: event.Event{
			ID:     event.DeterministicID(arn, stream.FormatSeq(r.Seq), d.Name),
			Source: d.Source, DetailType: d.DetailType, Account: s.account, Region: s.region,
			Time: r.Time, Resources: []string{arn}, Detail: detail, Group: Group(r),
		}})
	}
	return out, nil
}

// Group names the item of a record: events of one group are in order.
func Group(r *stream.Record) string {
	return r.Stream.Table() + string(item.AppendPlainItem(nil, r.Keys))
}

func (d *Definition) detail(r *stream.Record) ([]byte, error) {
	if d.Detail != nil {
		return d.Detail.render(r)
	}
	image := r.New
	if image == nil {
		image = r.Old
	}
	if image == nil {
		image = r.Keys
	}
	return item.AppendPlainItem(nil, image), nil
}
