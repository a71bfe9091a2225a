package partiql

import (
	"bytes"
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A Read is one of the queries that a SELECT is made of. No item is in two of
// them.
type Read struct {
	Keys     *expr.KeyCondition // nil: the whole table or index is scanned
	Filter   *expr.Condition    // of the items read; nil: all
	Backward bool
}

// A branch is one alternative of a WHERE: conditions that all hold, with one
// value of the partition key.
type branch struct {
	hash   item.Value
	keys   []*where // conditions on the key that one query can follow
	rest   []*where
	all    []*where
	bounds bounds
	loose  bool // the sort key is under a condition that is no range
}

// Reads returns the queries that answer the statement over the keys of its
// table or index, in the order of ORDER BY: a scan, unless WHERE fixes the
// partition key in each of its alternatives. Errors: *Error, *KeyError,
// *expr.Error.
func (s *Select) Reads(schema item.KeySchema) ([]Read, error) {
	keyed := s.where != nil && s.where.keyed(schema.Hash.Name)
	if err := s.checkOrder(schema, keyed); err != nil {
		return nil, err
	}
	if !keyed {
		return []Read{{Filter: s.where.condition()}}, nil
	}
	alternatives, err := s.where.expand(schema)
	if err != nil {
		return nil, err
	}
	branches := make([]*branch, len(alternatives))
	for i, terms := range alternatives {
		if branches[i], err = newBranch(terms, schema); err != nil {
			return nil, err
		}
	}
	if branches, err = merge(branches); err != nil {
		return nil, err
	}
	backward, err := s.arrange(branches, schema)
	if err != nil {
		return nil, err
	}
	reads := make([]Read, len(branches))
	for i, b := range branches {
		reads[i] = b.read(backward)
	}
	return reads, nil
}

// keyed reports whether the condition gives the attribute a value in each of
// its alternatives.
func (w *where) keyed(hash string) bool {
	switch w.kind {
	case and:
		return w.a.keyed(hash) || w.b.keyed(hash)
	case or:
		return w.a.keyed(hash) && w.b.keyed(hash)
	default:
		return w.is(hash, "=", "IN")
	}
}

// expand returns the alternatives of a condition, as far as they concern the
// key: each is conditions that all hold.
func (w *where) expand(schema item.KeySchema) ([][]*where, error) {
	switch {
	case w.kind == and:
		return w.cross(schema)
	case w.kind == or && w.mentions(schema.Attrs()...):
		a, err := w.a.expand(schema)
		if err != nil {
			return nil, err
		}
		b, err := w.b.expand(schema)
		if err != nil {
			return nil, err
		}
		return limited(append(a, b...))
	case w.is(schema.Hash.Name, "IN"), schema.HasRange() && w.is(schema.Range.Name, "IN"):
		return w.values()
	default:
		return [][]*where{{w}}, nil
	}
}

// cross returns the alternatives of conditions that AND joins: one for each
// combination of theirs.
func (w *where) cross(schema item.KeySchema) ([][]*where, error) {
	out := [][]*where{nil}
	var common []*where // in all of them
	for _, t := range w.terms() {
		alternatives, err := t.expand(schema)
		if err != nil {
			return nil, err
		}
		if len(alternatives) == 1 {
			common = append(common, alternatives[0]...)
			continue
		}
		var next [][]*where
		for _, x := range out {
			for _, y := range alternatives {
				next = append(next, slices.Concat(x, y))
			}
		}
		if out, err = limited(next); err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i] = slices.Concat(common, out[i])
	}
	return out, nil
}

// values returns an alternative for each value of IN.
func (w *where) values() ([][]*where, error) {
	out := make([][]*where, len(w.test.values))
	for i, v := range w.test.values {
		c, err := expr.Compare("=", expr.At(expr.Attribute(w.test.name)), expr.Literal(v))
		if err != nil {
			return nil, err
		}
		out[i] = []*where{{cond: c, test: &test{w.test.name, "=", []item.Value{v}}}}
	}
	return limited(out)
}

func limited(alternatives [][]*where) ([][]*where, error) {
	if len(alternatives) > maxReads {
		return nil, errf("Too many decomposed read operations for a given query.")
	}
	return alternatives, nil
}

// newBranch sorts out the conditions of an alternative.
func newBranch(terms []*where, schema item.KeySchema) (*branch, error) {
	b := &branch{all: terms}
	var ranges []*where
	for _, t := range terms {
		switch {
		case b.keys == nil && t.is(schema.Hash.Name, "="):
			b.hash = t.test.values[0]
			b.keys = append(b.keys, t)
			if b.hash.Kind() != schema.Hash.Kind {
				return nil, keyType(schema.Hash.Name)
			}
		case schema.HasRange() && t.is(schema.Range.Name, "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"):
			if slices.ContainsFunc(t.test.values, func(v item.Value) bool { return v.Kind() != schema.Range.Kind }) {
				return nil, keyType(schema.Range.Name)
			}
			b.bounds = b.bounds.narrowed(t.test)
			ranges = append(ranges, t)
		case t.is(schema.Hash.Name, "=") && !item.Equal(b.hash, t.test.values[0]):
			b.bounds = nothing
			b.rest = append(b.rest, t)
		default:
			b.loose = b.loose || schema.HasRange() && t.mentions(schema.Range)
			b.rest = append(b.rest, t)
		}
	}
	b.takeRange(ranges)
	return b, nil
}

// takeRange lets the query follow one of the conditions on the sort key, an
// equality if there is one.
func (b *branch) takeRange(ranges []*where) {
	if len(ranges) == 0 {
		return
	}
	best := max(slices.IndexFunc(ranges, func(t *where) bool { return t.test.op == "=" }), 0)
	b.keys = append(b.keys, ranges[best])
	b.rest = append(b.rest, slices.Delete(ranges, best, best+1)...)
}

// merge makes one branch of those that overlap if one of them is loose, and
// refuses others that overlap.
func merge(branches []*branch) ([]*branch, error) {
	var out []*branch
	for _, b := range branches {
		i := slices.IndexFunc(out, func(o *branch) bool {
			return item.Equal(o.hash, b.hash) && o.bounds.overlaps(b.bounds)
		})
		switch {
		case i < 0:
			out = append(out, b)
		case !out[i].loose && !b.loose:
			return nil, errf("Overlapping conditions with range keys are not supported in where clause")
		default:
			out[i] = union(out[i], b)
			out = absorb(out, i)
		}
	}
	return out, nil
}

// union returns the branch of a whole partition whose items are in a or b.
func union(a, b *branch) *branch {
	either := opaque(expr.Or(conjunction(a.all), conjunction(b.all)))
	return &branch{hash: a.hash, keys: a.keys[:1], rest: []*where{either}, all: []*where{either}, loose: true}
}

// absorb unites the branch at i with all others of its partition.
func absorb(branches []*branch, i int) []*branch {
	out := branches[:0:0]
	for j, b := range branches {
		switch {
		case j == i:
		case item.Equal(b.hash, branches[i].hash):
			branches[i] = union(branches[i], b)
		default:
			out = append(out, b)
		}
	}
	return append(out, branches[i])
}

// read returns the query of a branch.
func (b *branch) read(backward bool) Read {
	terms := make([]expr.KeyTerm, len(b.keys))
	for i, k := range b.keys {
		t := expr.KeyTerm{Name: k.test.name, Op: k.test.op, Low: k.test.values[0]}
		if len(k.test.values) > 1 {
			t.High = k.test.values[1]
		}
		terms[i] = t
	}
	return Read{Keys: expr.NewKeyCondition(terms...), Filter: conjunction(b.rest), Backward: backward}
}

// checkOrder checks ORDER BY against the key.
func (s *Select) checkOrder(schema item.KeySchema, keyed bool) error {
	if s.order == nil {
		return nil
	}
	if s.where == nil {
		return errf("Must have WHERE clause in the statement when using ORDER BY clause.")
	}
	for _, o := range s.order {
		if o.Name != schema.Hash.Name && o.Name != schema.Range.Name {
			return errf("Attribute %s in ORDER BY clause must be part of the primary key", o.Name)
		}
	}
	if !keyed {
		return errf("Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.")
	}
	return nil
}

// arrange puts the branches into the order of ORDER BY and returns the
// direction of each. DynamoDB reads backward if only the partition key is
// named.
func (s *Select) arrange(branches []*branch, schema item.KeySchema) (backward bool, err error) {
	if s.order == nil {
		return false, nil
	}
	backward = true
	var byHash *order
	for _, o := range s.order {
		if o.Name == schema.Hash.Name {
			byHash = &o
		} else {
			backward = o.Descending
		}
	}
	one := !slices.ContainsFunc(branches, func(b *branch) bool { return !item.Equal(b.hash, branches[0].hash) })
	if byHash == nil && !one {
		return false, errf("Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.")
	}
	slices.SortStableFunc(branches, func(a, b *branch) int {
		c, _ := item.Compare(a.hash, b.hash)
		if byHash != nil && byHash.Descending {
			c = -c
		}
		if c == 0 {
			c = bytes.Compare(a.bounds.lower, b.bounds.lower)
			if backward {
				c = -c
			}
		}
		return c
	})
	return backward, nil
}
