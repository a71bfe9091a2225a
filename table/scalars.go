package table

import (
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// CheckPaths refuses paths that lead into key attributes of a table or of its
// indexes, which are scalars. Errors: ErrNotFound, *ValidationError.
func (ts *Tables) CheckPaths(name string, paths []expr.Path) error {
	if !slices.ContainsFunc(paths, nested) {
		return nil
	}
	t, err := ts.get(name)
	if err != nil {
		return err
	}
	return t.checkPaths(paths)
}

func nested(p expr.Path) bool { return len(p) > 1 }

// checkPaths is checkScalars for callers that do not hold t.writes.
func (t *tableState) checkPaths(paths []expr.Path) error {
	if !slices.ContainsFunc(paths, nested) {
		return nil
	}
	t.writes.RLock()
	defer t.writes.RUnlock()
	return t.checkScalars(paths)
}

// checkScalars refuses paths that lead into key attributes. The caller holds
// t.writes.
func (t *tableState) checkScalars(paths []expr.Path) error {
	if len(paths) == 0 {
		return nil
	}
	if err := checkScalars(t.schema, "Key", paths); err != nil {
		return err
	}
	for _, x := range t.indexes {
		if x.expiry {
			continue
		}
		if err := checkScalars(x.d.Schema, "IndexKey", paths); err != nil {
			return err
		}
	}
	return nil
}

func checkScalars(schema item.KeySchema, what string, paths []expr.Path) error {
	for _, a := range schema.Attrs() {
		if slices.ContainsFunc(paths, func(p expr.Path) bool { return nested(p) && p.Root() == a.Name }) {
			return invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: %s: %s", what, a.Name)
		}
	}
	return nil
}

// checkStated refuses an update that says itself that it gives a key attribute of an
// index a value of another type. The caller holds t.writes.
func (t *tableState) checkStated(u *expr.Update) error {
	for _, x := range t.indexes {
		if x.expiry {
			continue
		}
		for _, a := range x.d.Schema.Attrs() {
			if k := u.KindOf(a.Name); k != 0 && k != a.Kind {
				return wrongIndexKind(x, a, k)
			}
		}
	}
	return nil
}

func wrongIndexKind(x *index, a item.KeyAttr, actual item.Kind) error {
	return invalid("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.Name, a.Kind, actual, x.d.Name)
}

// checkUpdated checks the key attributes of indexes that an update has written,
// in the item that it made. Those that it has not written may be unfit, in an item
// that is older than the index. The caller holds t.writes.
func (t *tableState) checkUpdated(now item.Item, written []expr.Path) error {
	for _, x := range t.indexes {
		if x.expiry {
			continue
		}
		if err := x.checkUpdated(now, written); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) checkUpdated(now item.Item, written []expr.Path) error {
	size, changed := x.keySize(), false // of this part of the key, partition or sort; was it written?
	for i, a := range x.d.Schema.Attrs() {
		if i == x.d.Schema.Hashes() {
			size, changed = x.keySize(), false
		}
		v, ok := now.Get(a.Name)
		isWritten := ok && slices.ContainsFunc(written, func(p expr.Path) bool { return p.Root() == a.Name })
		changed = changed || isWritten
		alone := x.keySize()
		switch {
		case !ok, v.Kind() != a.Kind && !isWritten:
		case v.Kind() != a.Kind:
			return invalid("The update expression attempted to update the secondary index key to unsupported type")
		case isWritten && v.Kind() != item.Number && v.Str() == "":
			return emptyKey("One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty %s value.", kindName(v))
		case size.add(v, i) != nil && (isWritten || changed && alone.add(v, i) == nil):
			return invalid("The update expression attempted to update the secondary index key beyond allowed size limits")
		}
	}
	return nil
}
