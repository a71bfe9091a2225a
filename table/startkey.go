package table

import (
	"errors"
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

const badStart = "The provided starting key is invalid"

// startsFully reports whether a start key has as many attributes as the keys of the
// source and its table have together.
func (s *source) startsFully(start item.Item) bool {
	names := s.t.schema.Attrs()
	for _, a := range s.schema.Attrs() {
		if !slices.ContainsFunc(names, func(b item.KeyAttr) bool { return a.Name == b.Name }) {
			names = append(names, a)
		}
	}
	return len(start) == len(names)
}

// checkStartHash checks how many attributes a start key has, and the partition
// attributes of the source. It is told before the faults of the key condition.
func (s *source) checkStartHash(start item.Item) error {
	if start == nil {
		return nil
	}
	if !s.startsFully(start) {
		return invalid(badStart)
	}
	return checkStartAttrs(start, s.schema.Attrs()[:s.schema.Hashes()])
}

// checkStartSort checks the sort attributes of the source. It is told after the
// faults of the key condition.
func (s *source) checkStartSort(start item.Item) error {
	if start == nil {
		return nil
	}
	return checkStartAttrs(start, s.schema.Attrs()[s.schema.Hashes():])
}

func checkStartAttrs(start item.Item, attrs []item.KeyAttr) error {
	for _, a := range attrs {
		v, ok := start.Get(a.Name)
		switch {
		case !ok:
			return invalid(badStart)
		case v.Kind() != a.Kind:
			return invalid(wrongKey)
		}
	}
	return nil
}

// startPosition returns the stored key that a start key stands for, after it has
// checked the table's part of it.
func (s *source) startPosition(start item.Item) ([]byte, error) {
	var bad *ValidationError
	if err := s.t.checkKey(s.t.schema.Project(start)); errors.As(err, &bad) {
		return nil, invalid("%s: %s", badStart, bad.Msg)
	}
	key := s.key(start)
	if key == nil { // an attribute that no entry of the index can have
		return nil, invalid("%s: %s", badStart, wrongKey)
	}
	return key, nil
}

// resume returns the part of a query's range that follows the start key.
func (s *source) resume(rng kv.Range, keys expr.KeyRange, start item.Item) (kv.Range, error) {
	key, err := s.startPosition(start)
	if err != nil {
		return rng, err
	}
	if inside(rng, key) {
		return after(rng, key), nil
	}
	// A start key outside the range breaks the condition on the sort key, or is of
	// another partition: the range of the same sort key condition in the start key's
	// own partition tells which.
	hashes := s.schema.Hashes()
	own := keys
	own.Equal = slices.Clone(keys.Equal)
	for i, a := range s.schema.Attrs()[:hashes] {
		own.Equal[i], _ = start.Get(a.Name)
	}
	switch sorted := keys.Op != "" || len(keys.Equal) > hashes; {
	case !sorted:
		return rng, invalid("The provided starting key is outside query boundaries based on provided conditions")
	case !inside(s.queryRange(own), key):
		return rng, invalid("The provided starting key does not match the range key predicate")
	default:
		return rng, invalid("The query can return at most one row and cannot be restarted")
	}
}

// checkScanStart checks the start key of a scan and returns the stored key that it
// stands for.
func (s *source) checkScanStart(start item.Item) ([]byte, error) {
	if s.x == nil {
		if !s.startsFully(start) {
			return nil, invalid("%s: %s", badStart, wrongKey)
		}
		return s.startPosition(start)
	}
	if err := s.checkStartHash(start); err != nil {
		return nil, err
	}
	if err := s.checkStartSort(start); err != nil {
		return nil, err
	}
	return s.startPosition(start)
}
