package mapping

import (
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/stream"
)

// Limits of what one record raises.
const (
	// MaxEvents is the most events of one definition.
	MaxEvents = 10_000
	// MaxBytes is the most bytes that the events of all definitions have together,
	// as Raised.Bytes counts them.
	MaxBytes = 32 << 20
)

// eventOverhead is what an event takes beside its texts: its id, what caused it,
// and the structures that hold it.
const eventOverhead = 512

// A Definition declares a domain event. It is raised by a change for which all its
// guards, from On to If, hold. tablecast.yaml gives most definitions; programs give
// those with a Mapper.
type Definition struct {
	Name  string
	Table string
	// On are the changes that raise it. The default is insert, modify and
	// remove; with Changed, Added or Removed it is modify.
	On []Kind
	// Entity is the kind of item that it is about. The default is any.
	Entity string
	// Match is a pattern that the plain view of the change must match. The
	// default is none.
	Match *pattern.Pattern
	// Changed are paths of which one must lead to another value after the
	// change than before; absent and present differ, 1 and 1.0 do not. Added
	// are paths of which one must lead to something that was not there: a
	// value, an element of a list or set, a member of a map. Removed is the
	// reverse. The stream must have both images.
	Changed        []Transition
	Added, Removed []Path
	// If is a condition. The default is true.
	If *Expression

	// Each is a list, set or map of which each element raises an event. The
	// default is one event.
	Each   *Expression
	Source string
	// DetailType is the event's type. The default is the name.
	DetailType string
	Bus        string
	// Resources are texts. The default is the stream's ARN.
	Resources []*Template
	// Time is a timestamp, a text in RFC 3339 or seconds of the Unix epoch. The
	// default is the change's.
	Time *Template
	// Group is a text; events of one group stay in order. The default is the
	// item.
	Group *Template
	// Detail makes the event's detail, an object. The default is the new image;
	// for removals the old image, or the keys where the stream's view has none.
	Detail *Template
	// Outbox, if not nil, says that the items of the table are events themselves;
	// Source and Detail are then not used.
	Outbox *Outbox
	// Mapper, if not nil, makes the events instead of Each and what follows it.
	Mapper Mapper
	// Function names the function that is the Mapper, which whoever runs functions
	// sets.
	Function string
	Shape    Shape
	// Contract returns what is wrong with a detail, or nil. What it does not take
	// parks the change. The default takes any detail.
	Contract func(detail []byte) error
	// FromHorizon starts the definition at the oldest record that is kept, not
	// at the end of the stream.
	FromHorizon bool
}

// A Raised event is one that a definition made of a change, on its way to a bus.
type Raised struct {
	Definition string
	Bus        string
	Event      event.Event
}

// Bytes returns about how many bytes the event takes in memory and in the store.
func (r *Raised) Bytes() int { return eventOverhead + r.Event.Size(true) + len(r.Event.Group) }

// Options say what is common to the definitions of one table.
type Options struct {
	// Account and Region stand in the events.
	Account, Region string
	// Version of the mapping stands in the metadata of events.
	Version string
	// Entities are the kinds of items of the table. An item is of the first that
	// fits.
	Entities []Entity
	// ExpireBy is the attribute by which a removal after its second is taken for
	// an expiry; for streams that do not mark those, as replicas of global
	// tables. The default is to trust the mark.
	ExpireBy string
}

// A Set is the definitions of one table. It never changes and may be used by
// many goroutines.
type Set struct {
	opts     Options
	defs     []*definition
	byKind   map[Kind][]*definition // in the order of the definitions
	patterns *pattern.Set           // of the definitions that have one
	maxCost  uint64                 // of the expressions of a definition, for one record
}

// A definition is one of a set.
type definition struct {
	*Definition
	matchAt int // of its pattern in the set's; -1 is none
}

// NewSet indexes the definitions of one table.
func NewSet(defs []Definition, o Options) *Set {
	s := &Set{opts: o, byKind: map[Kind][]*definition{}, maxCost: maxCost}
	var patterns []*pattern.Pattern
	for _, d := range defs {
		if d.DetailType == "" {
			d.DetailType = d.Name
		}
		x := &definition{&d, -1}
		if d.Match != nil {
			x.matchAt = len(patterns)
			patterns = append(patterns, d.Match)
		}
		s.defs = append(s.defs, x)
		for _, k := range d.on() {
			if !slices.Contains(s.byKind[k], x) {
				s.byKind[k] = append(s.byKind[k], x)
			}
		}
	}
	s.patterns = pattern.NewSet(patterns)
	return s
}

// Version returns the version of the mapping.
func (s *Set) Version() string { return s.opts.Version }

// Deletes reports whether the definition of that name is an outbox whose items are
// deleted once their events are accepted.
func (s *Set) Deletes(name string) bool {
	return slices.ContainsFunc(s.defs, func(d *definition) bool { return d.Name == name && d.Outbox != nil && d.Outbox.Delete })
}

// on returns the kinds of changes that raise the event.
func (d *Definition) on() []Kind {
	switch {
	case len(d.On) > 0:
		return d.On
	case len(d.Changed)+len(d.Added)+len(d.Removed) > 0:
		return []Kind{Modify}
	case d.Outbox != nil:
		return []Kind{Insert, Modify}
	default:
		return []Kind{Insert, Modify, Remove}
	}
}

// Apply returns the events that a record raises, in the order of the
// definitions; want says which definitions take part. Errors are of type
// *Error.
func (s *Set) Apply(r *stream.Record, want func(definition string) bool) ([]Raised, error) {
	kind := s.kindOf(r)
	var out []Raised
	var c *change
	for _, d := range s.byKind[kind] {
		if !want(d.Name) {
			continue
		}
		if c == nil {
			c = s.newChange(r, kind)
		}
		failed, err := d.check(c)
		if err == nil && failed == passes {
			out, err = d.raise(c, out)
		}
		if err != nil {
			return nil, wrap(d.Definition, err)
		}
	}
	return out, nil
}

// Backfill returns the events that a definition raises for an item as it is now,
// which r has as its new image; run names the backfill and makes the ids of its
// events differ from those of others. The guards are asked as for a change, but for
// On; Changed, Added and Removed see an item that was not there before.
func (s *Set) Backfill(name, run string, r *stream.Record) ([]Raised, error) {
	for _, d := range s.defs {
		if d.Name != name {
			continue
		}
		c := s.newChange(r, Backfill)
		c.run = run
		failed, err := d.check(c)
		if err != nil || failed != passes {
			return nil, wrap(d.Definition, err)
		}
		out, err := d.raise(c, nil)
		if err != nil {
			return nil, wrap(d.Definition, err)
		}
		return out, nil
	}
	return nil, &Error{Definition: name, Err: fmt.Errorf("no definition is called %s", name)}
}
