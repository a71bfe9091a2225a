package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A Verdict says what one definition makes of a record: events, or the first
// guard that does not hold, or an error.
type Verdict struct {
	Definition string
	Raised     []Raised
	// Guard is on, entity, changed, added, removed, match or if; empty if all
	// hold. Reason says what was wanted and what was there.
	Guard, Reason string
	Err           error
	// Held are the guards that were asked and hold, in their order.
	Held []string
}

// String returns the verdict in a line.
func (v *Verdict) String() string {
	switch {
	case v.Err != nil:
		return v.Definition + ": fails: " + v.Err.Error()
	case v.Guard != "":
		return v.Definition + ": not raised: " + v.Guard + ": " + v.Reason
	case len(v.Raised) == 0:
		return v.Definition + ": raised nothing: each has no elements"
	}
	return fmt.Sprintf("%s: raised %d", v.Definition, len(v.Raised))
}

// Explain returns what each definition makes of a record, in their order. It
// agrees with Apply, which raises nothing at all if one of them fails.
func (s *Set) Explain(r *stream.Record) []Verdict {
	kind := s.kindOf(r)
	c := s.newChange(r, kind)
	out := make([]Verdict, len(s.defs))
	for i, d := range s.defs {
		out[i] = d.explain(c)
	}
	return out
}

func (d *definition) explain(c *change) Verdict {
	v := Verdict{Definition: d.Name}
	failed := guardOn
	var err error
	if slices.Contains(d.on(), c.kind) {
		failed, err = d.check(c)
	}
	for _, g := range d.guards() {
		if g == failed {
			break
		}
		v.Held = append(v.Held, g.String())
	}
	switch {
	case err != nil:
		v.Err = wrap(d.Definition, err)
	case failed != passes:
		v.Guard, v.Reason = failed.String(), d.reason(c, failed)
	default:
		v.Raised, err = d.raise(c, nil)
		v.Err = wrap(d.Definition, err)
	}
	if v.Err != nil {
		v.Raised = nil
	}
	return v
}

// Guards returns the guards that each definition has, by its name, in the order
// in which they are asked.
func (s *Set) Guards() map[string][]string {
	out := map[string][]string{}
	for _, d := range s.defs {
		for _, g := range d.guards() {
			out[d.Name] = append(out[d.Name], g.String())
		}
	}
	return out
}

// guards returns the guards that the definition has.
func (d *definition) guards() []guard {
	out := []guard{guardOn}
	for _, g := range []struct {
		guard guard
		has   bool
	}{
		{guardEntity, d.Entity != ""}, {guardChanged, len(d.Changed) > 0}, {guardAdded, len(d.Added) > 0},
		{guardRemoved, len(d.Removed) > 0}, {guardMatch, d.matchAt >= 0}, {guardIf, d.If != nil},
	} {
		if g.has {
			out = append(out, g.guard)
		}
	}
	return out
}

// String returns the guard's key in tablecast.yaml.
func (g guard) String() string {
	return [...]string{"", "on", "entity", "changed", "added", "removed", "match", "if"}[g]
}

// reason says why a guard does not hold.
func (d *definition) reason(c *change, g guard) string {
	switch g {
	case guardOn:
		var on []string
		for _, k := range d.on() {
			on = append(on, string(k))
		}
		return fmt.Sprintf("wants %s; this is %s", strings.Join(on, ", "), c.kind)
	case guardEntity:
		if c.entity == "" {
			return fmt.Sprintf("wants %s; the item is of no entity", d.Entity)
		}
		return fmt.Sprintf("wants %s; this is %s", d.Entity, c.entity)
	case guardChanged:
		var lines []string
		for _, t := range d.Changed {
			lines = append(lines, t.reason(c))
		}
		return strings.Join(lines, "; ")
	case guardAdded, guardRemoved:
		paths := d.Added
		if g == guardRemoved {
			paths = d.Removed
		}
		var names []string
		for _, p := range paths {
			names = append(names, p.String())
		}
		return fmt.Sprintf("nothing was %s at %s", g, strings.Join(names, ", "))
	case guardMatch:
		return d.mismatch(c)
	}
	return fmt.Sprintf("${%s} is false", d.If.source)
}

func (t *Transition) reason(c *change) string {
	before, had := t.Path.value(c.record.Old)
	after, has := t.Path.value(c.record.New)
	if had == has && (!had || item.Equal(before, after)) {
		return t.Path.String() + " is what it was"
	}
	return fmt.Sprintf("%s went from %s to %s; wanted from %s to %s", t.Path, shown(before), shown(after), wanted(t.From), wanted(t.To))
}

func shown(v item.Value) string {
	if v.IsZero() {
		return "nothing"
	}
	return string(item.AppendPlainJSON(nil, v))
}

func wanted(values []item.Value) string {
	if len(values) == 0 {
		return "anything"
	}
	var out []string
	for _, v := range values {
		out = append(out, shown(v))
	}
	return strings.Join(out, " or ")
}

func (d *definition) mismatch(c *change) string {
	misses, err := d.Match.Explain(c.view())
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, m := range misses {
		lines = append(lines, m.String())
	}
	return strings.Join(lines, "; ")
}
