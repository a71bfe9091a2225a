package mapping

import (
	"cmp"
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
	"github.com/tablecast/tablecast/stream"
)

// A change is a record while the definitions of a set are applied to it. It gives
// expressions their variables, and keeps what several definitions need, so that it
// is computed once. It belongs to one goroutine.
type change struct {
	set      *Set
	record   *stream.Record
	kind     Kind
	arn, seq string
	run      string    // of a backfill
	entity   string    // empty if the item is of none
	keys     item.Item // with the parts that the entity names

	ordering string   // the group, once someone asked
	changed  []string // names of attributes
	compared bool     // changed is filled in
	matched  []int    // patterns that match
	viewed   bool     // matched is filled in

	newVal, oldVal, keysVal cel.Value // once someone asked
	each, at                cel.Value // of the element that raises an event; nil without one

	room   int                       // bytes of events that the record may still raise
	cost   uint64                    // of the expressions of a definition so far
	common map[*Expression]cel.Value // of expressions without each and at, while an element raises an event; nil before
}

func (s *Set) newChange(r *stream.Record, k Kind) *change {
	c := &change{set: s, record: r, kind: k, arn: r.ARN(), seq: r.Sequence(), keys: r.Keys, room: MaxBytes}
	for i := range s.opts.Entities {
		if parts, ok := s.opts.Entities[i].match(r); ok {
			c.entity = s.opts.Entities[i].Name
			if len(parts) > 0 {
				c.keys = item.MapOf(slices.Concat(r.Keys, parts)...)
			}
			break
		}
	}
	return c
}

// ResolveName gives expressions their variables.
func (c *change) ResolveName(name string) (any, bool) {
	switch root(name) {
	case rootNew:
		return cached(&c.newVal, c.record.New), true
	case rootOld:
		return cached(&c.oldVal, c.record.Old), true
	case rootKeys:
		return cached(&c.keysVal, c.keys), true
	case rootEach:
		return c.each, c.each != nil
	case rootAt:
		return c.at, c.at != nil
	case rootTime:
		return types.Timestamp{Time: c.record.Time}, true
	case rootChanged:
		return types.NewStringList(types.DefaultTypeAdapter, c.differing()), true
	}
	text, ok := c.text(root(name))
	return types.String(text), ok
}

func cached(v *cel.Value, it item.Item) cel.Value {
	if *v == nil {
		*v = cel.OfItem(it)
	}
	return *v
}

// text returns the variables that are texts.
func (c *change) text(name root) (string, bool) {
	switch name {
	case rootOp:
		return string(c.kind), true
	case rootTable:
		return c.record.Table(), true
	case rootEntity:
		return c.entity, true
	case rootSeq:
		return c.seq, true
	}
	return "", false
}

// image returns a variable that is an item; ok is false if it is none.
func (c *change) image(name root) (it item.Item, ok bool) {
	switch name {
	case rootNew:
		return c.record.New, true
	case rootOld:
		return c.record.Old, true
	case rootKeys:
		return c.keys, true
	}
	return nil, false
}

func (c *change) group() string {
	if c.ordering == "" {
		c.ordering = Group(c.record)
	}
	return c.ordering
}

// differs reports whether the attribute differs between the images.
func (c *change) differs(name string) bool {
	_, found := slices.BinarySearch(c.differing(), name)
	return found
}

// differing returns the names of the attributes that differ between the images,
// in order. The images are compared once, however many ask.
func (c *change) differing() []string {
	if !c.compared {
		c.changed, c.compared = differing(c.record.Old, c.record.New), true
	}
	return c.changed
}

// differing returns the names of the attributes that two items do not have in
// common, in order.
func differing(a, b item.Item) (names []string) {
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0].Name, b[0].Name); {
		case c < 0:
			names, a = append(names, a[0].Name), a[1:]
		case c > 0:
			names, b = append(names, b[0].Name), b[1:]
		default:
			if !item.Equal(a[0].Value, b[0].Value) {
				names = append(names, a[0].Name)
			}
			a, b = a[1:], b[1:]
		}
	}
	for _, f := range slices.Concat(a, b) {
		names = append(names, f.Name)
	}
	return names
}

// best returns the new image, or else the old one, or else the keys.
func (c *change) best() item.Item {
	switch {
	case c.record.New != nil:
		return c.record.New
	case c.record.Old != nil:
		return c.record.Old
	}
	return c.record.Keys
}

// Group names the item of a record, by its table and key. Changes of one item, and
// the events that they raise unless they say otherwise, are in order.
func Group(r *stream.Record) string {
	return r.Table() + string(item.AppendPlainItem(nil, r.Keys))
}
