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
	Name  string
	Table string
	// On are the changes that raise it. The default is insert, modify and
	// remove; with Changed it is modify.
	On []Kind
	// Changed are paths of which one must lead to another value after the
	// change than before; absent and present differ, 1 and 1.0 do not. The
	// stream must have both images. The default is any change.
	Changed []Path
	Source  string
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

// A Set is the definitions of one table. It never changes and may be used by
// many goroutines.
type Set struct {
	account, region string
	byKind          map[Kind][]*Definition // in the order of the definitions
}

// NewSet indexes the definitions of one table. Account and region stand in the
// events.
func NewSet(defs []Definition, account, region string) *Set {
	s := &Set{account: account, region: region, byKind: map[Kind][]*Definition{}}
	for _, d := range defs {
		if d.DetailType == "" {
			d.DetailType = d.Name
		}
		for _, k := range d.on() {
			if !slices.Contains(s.byKind[k], &d) {
				s.byKind[k] = append(s.byKind[k], &d)
			}
		}
	}
	return s
}

// on returns the kinds of changes that raise the event.
func (d *Definition) on() []Kind {
	switch {
	case len(d.On) > 0:
		return d.On
	case len(d.Changed) > 0:
		return []Kind{Modify}
	default:
		return []Kind{Insert, Modify, Remove}
	}
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
	var of *about
	for _, d := range s.byKind[KindOf(r)] {
		if !want(d.Name) {
			continue
		}
		if of == nil {
			of = newAbout(r)
		}
		if !d.applies(of) {
			continue
		}
		detail, err := d.detail(r)
		if err != nil {
			return nil, &Error{d.Name, err}
		}
		out = append(out, Raised{Definition: d.Name, Bus: d.Bus, Event: event.Event{
			ID:     event.DeterministicID(of.arn, of.seq, d.Name, onlyIndex),
			Source: d.Source, DetailType: d.DetailType, Account: s.account, Region: s.region,
			Time: r.Time, Resources: []string{of.arn}, Detail: detail, Group: of.group(),
		}})
	}
	return out, nil
}

// onlyIndex is the index in an event's id: a definition raises one event.
const onlyIndex = "0"

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
