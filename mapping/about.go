package mapping

import (
	"cmp"
	"slices"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// An about holds what several definitions ask of one record.
type about struct {
	record   *stream.Record
	arn, seq string
	ordering string // the group, once someone asked
	changed  []string
	compared bool // changed is filled in
}

func newAbout(r *stream.Record) *about {
	return &about{record: r, arn: r.Stream.ARN(), seq: stream.FormatSeq(r.Seq)}
}

func (a *about) group() string {
	if a.ordering == "" {
		a.ordering = Group(a.record)
	}
	return a.ordering
}

// differs reports whether the attribute differs between the images. The images
// are compared once, however many ask.
func (a *about) differs(attribute string) bool {
	if !a.compared {
		a.changed, a.compared = differing(a.record.Old, a.record.New), true
	}
	return slices.Contains(a.changed, attribute)
}

// differing returns the names of the attributes that two items do not have in
// common.
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

// applies reports whether the definition's guards let the record through.
func (d *Definition) applies(a *about) bool {
	return len(d.Changed) == 0 || slices.ContainsFunc(d.Changed, func(p Path) bool {
		return a.differs(p.root()) && p.differs(a.record.Old, a.record.New)
	})
}

// differs reports whether the path leads to different values in two items.
func (p Path) differs(a, b item.Item) bool {
	before, had := p.value(a)
	after, has := p.value(b)
	return had != has || had && !item.Equal(before, after)
}
