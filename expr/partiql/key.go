package partiql

import (
	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// pick divides the terms into the key that they require and the rest. The first
// equality of a key attribute gives its value; another one with the same value is
// dropped, and one with another value stays in rest. The key lacks attributes of
// which there is no equality.
func (w *where) pick(schema item.KeySchema, ops ...string) (key item.Item, rest []*where, err error) {
	for _, t := range w.terms() {
		a, ok := t.keyTest(schema, ops)
		if !ok {
			rest = append(rest, t)
			continue
		}
		v := t.test.values[0]
		if v.Kind() != a.Kind {
			return nil, nil, keyType(a.Name)
		}
		switch old, ok := key.Get(a.Name); {
		case !ok:
			key = key.With(a.Name, v)
		case !item.Equal(old, v):
			rest = append(rest, t)
		}
	}
	return key, rest, nil
}

func keyType(name string) error {
	return &KeyError{"Key attribute's data type should match its data type in table's schema: Key " + name}
}

// keyTest reports whether the condition gives a key attribute one value.
func (w *where) keyTest(schema item.KeySchema, ops []string) (item.KeyAttr, bool) {
	for _, a := range schema.Attrs() {
		if w.is(a.Name, ops...) && len(w.test.values) == 1 {
			return a, true
		}
	}
	return item.KeyAttr{}, false
}

// itemKey returns the key of the one item that a write changes, and the rest of
// its WHERE.
func (w *where) itemKey(schema item.KeySchema) (item.Item, *expr.Condition, error) {
	key, rest, err := w.pick(schema, "=")
	if err != nil {
		return nil, nil, err
	}
	if len(key) < len(schema.Attrs()) {
		return nil, nil, &KeyError{"Where clause does not contain a mandatory equality on all key attributes"}
	}
	for _, t := range rest {
		if a, ok := t.keyTest(schema, []string{"="}); ok {
			return nil, nil, &KeyError{"Multiple conditions on same key " + a.Name + ". Only single item Update/Insert/Delete are supported"}
		}
	}
	return key, conjunction(rest), nil
}

// Target returns the key of the item that the statement changes, and the
// condition of the change: the item exists and satisfies WHERE. Errors:
// *KeyError.
func (s *Update) Target(schema item.KeySchema) (item.Item, *expr.Condition, error) {
	key, rest, err := s.where.itemKey(schema)
	if err != nil {
		return nil, nil, err
	}
	return key, expr.And(expr.Exists(expr.Attribute(schema.Hash.Name)), rest), nil
}

// Target returns the key of the item that the statement removes, and the
// condition of it: the item satisfies WHERE, or there is none. Errors:
// *KeyError.
func (s *Delete) Target(schema item.KeySchema) (item.Item, *expr.Condition, error) {
	key, rest, err := s.where.itemKey(schema)
	if err != nil {
		return nil, nil, err
	}
	return key, expr.Or(expr.Not(expr.Exists(expr.Attribute(schema.Hash.Name))), rest), nil
}

// Condition returns the condition of an insert: there is no item of its key.
func (s *Insert) Condition(schema item.KeySchema) *expr.Condition {
	return expr.Not(expr.Exists(expr.Attribute(schema.Hash.Name)))
}

// Target returns the key of the item that the statement checks, and the condition
// that the item must satisfy. Errors: *Error, *KeyError.
func (s *Exists) Target(schema item.KeySchema) (item.Item, *expr.Condition, error) {
	key, rest, err := s.where.pick(schema, "=")
	if err != nil {
		return nil, nil, err
	}
	if len(key) < len(schema.Attrs()) || len(rest) == 0 {
		return nil, nil, errf("EXISTS() must contain a single item read with additional condition")
	}
	return key, conjunction(rest), nil
}

// Target returns the key of the item that the statement reads; ok says that its
// WHERE requires the key of one item and nothing else. Errors: *Error, *KeyError.
func (s *Select) Target(schema item.KeySchema) (key item.Item, ok bool, err error) {
	if _, err := s.Reads(schema); err != nil {
		return nil, false, err
	}
	key, rest, err := s.where.pick(schema, "=", "IN")
	return key, err == nil && s.Index == "" && len(rest) == 0 && len(key) == len(schema.Attrs()), err
}

// Project returns the attributes of an item that the statement selects.
func (s *Select) Project(it item.Item) item.Item {
	if s.Columns == nil {
		return it
	}
	fields := make([]item.Field, 0, len(s.Columns))
	for _, c := range s.Columns {
		if v, ok := c.Path.Get(it); ok {
			fields = append(fields, item.Field{Name: c.Name, Value: v})
		}
	}
	return item.MapOf(fields...)
}
