package table

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A Change is a change of a table's settings. A nil field leaves its setting as it
// is.
type Change struct {
	Stream     *StreamChange
	Billing    *Billing
	Throughput *Throughput
	Protected  *bool
	Class      *string
	Indexes    []IndexChange
}

// Empty reports whether nothing is to change.
func (c Change) Empty() bool {
	return c.Stream == nil && c.Billing == nil && c.Throughput == nil && c.Protected == nil && c.Class == nil && len(c.Indexes) == 0
}

// A StreamChange turns a table's stream on, with the view, or off.
type StreamChange struct {
	Enabled bool
	View    stream.View
}

// An IndexChange does one thing to a global index: it creates, deletes or updates
// it.
type IndexChange struct {
	Create     *IndexSpec
	Delete     string // the name of the index
	Update     string // the name of the index, which gets Throughput
	Throughput Throughput
}

// Update changes the settings of a table. A stream that is turned on again is a
// new stream. Run backfills a new index while writes go on; reads of it are
// refused until the backfill is done. Errors: ErrNotFound, ErrIndexNotFound,
// ErrTooManyIndexes, *ValidationError.
func (ts *Tables) Update(name string, c Change) (Description, error) {
	return ts.alter(name, func(t *tableState, b *kv.Batch) error {
		if err := t.checkStreamChange(c.Stream); err != nil {
			return err
		}
		if err := t.changeIndexes(b, c.Indexes); err != nil {
			return err
		}
		t.d.bill(c, t.ts.opts.Now())
		set(&t.d.Protected, c.Protected)
		set(&t.d.Class, c.Class)
		t.changeStream(b, c.Stream)
		if c.unprotects() {
			b.UseReserve() // so that the table can be dropped on a full disk
		}
		return nil
	})
}

// unprotects reports whether the change does nothing but turn the deletion
// protection off.
func (c Change) unprotects() bool {
	off := c.Protected != nil && !*c.Protected
	c.Protected = nil
	return off && c.Empty()
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// alter lets change edit the descriptor of a table and add to the batch that
// stores it. If anything fails the table is as before.
func (ts *Tables) alter(name string, change func(*tableState, *kv.Batch) error) (Description, error) {
	ts.control.Lock()
	defer ts.control.Unlock()
	t, err := ts.get(name)
	if err != nil {
		return Description{}, err
	}
	// No write is between its read and its apply now, so a change of indexes or of
	// the stream falls between two commits. Writers wait until it is durable.
	t.writes.Lock()
	defer t.writes.Unlock()
	// Readers of the old descriptor and indexes hold no lock afterwards: change
	// edits copies, and what it replaced is put back if the commit is refused.
	before, beforeStream, beforeIndexes, next := t.d, t.stream, t.indexes, ts.next
	t.d.Indexes, t.indexes = slices.Clone(t.d.Indexes), slices.Clone(t.indexes)
	b := ts.store.NewBatch()
	if err = change(t, b); err != nil {
		b.Close()
	} else {
		b.Set(nextKey, binary.BigEndian.AppendUint64(nil, ts.next))
		b.Set(catalogueKey(name), t.d.encode())
		_, err = ts.store.Commit(b)
	}
	if err != nil {
		t.d, t.stream, t.indexes, ts.next = before, beforeStream, beforeIndexes, next
		return Description{}, err
	}
	ts.work.Set()
	return t.describe(), nil
}

func (t *tableState) checkStreamChange(c *StreamChange) error {
	switch {
	case c == nil:
		return nil
	case c.Enabled && t.stream != nil:
		return invalid("Table already has an enabled stream: TableName: %s", t.name)
	case !c.Enabled && t.stream == nil:
		return invalid("Table has no stream to disable: TableName: %s", t.name)
	default:
		return nil
	}
}

func (t *tableState) changeStream(b *kv.Batch, c *StreamChange) {
	switch {
	case c == nil:
	case c.Enabled:
		t.enable(b, c.View)
	default:
		t.stream.Disable(b, t.ts.opts.Now())
		t.stream = nil
	}
}

// changeIndexes edits the descriptor and the indexes.
func (t *tableState) changeIndexes(b *kv.Batch, changes []IndexChange) error {
	for _, c := range changes {
		var err error
		switch {
		case c.Create != nil:
			err = t.addIndex(*c.Create)
		case c.Delete != "":
			err = t.removeIndex(b, c.Delete)
		default:
			err = t.retuneIndex(c.Update, c.Throughput)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tableState) addIndex(spec IndexSpec) error {
	global := 0
	schemas := []item.KeySchema{t.schema}
	for _, d := range t.d.Indexes {
		if d.Name == spec.Name {
			return invalid("Attempting to create an index which already exists")
		}
		if !d.Local {
			global++
		}
		schemas = append(schemas, d.Schema)
	}
	if err := checkKinds(spec.Schema, schemas); err != nil {
		return err
	}
	if global >= MaxGlobalIndexes {
		return ErrTooManyIndexes
	}
	d := indexDescriptor{ID: t.ts.next, Fill: true, IndexSpec: spec}
	t.ts.next++
	t.d.Indexes = append(t.d.Indexes, d)
	t.indexes = append(t.indexes, newIndex(d, t.schema))
	return nil
}

// globalIndex returns the place of a global index in the descriptor. The verb says
// what is to become of it.
func (t *tableState) globalIndex(name, verb string) (int, error) {
	i := slices.IndexFunc(t.d.Indexes, func(d indexDescriptor) bool { return d.Name == name })
	switch {
	case i < 0:
		return 0, fmt.Errorf("%w: %s for table %s", ErrIndexNotFound, name, t.name)
	case t.d.Indexes[i].Local:
		return 0, invalid("Cannot %s an index that is not a GlobalSecondaryIndex: %s", verb, name)
	default:
		return i, nil
	}
}

func (t *tableState) removeIndex(b *kv.Batch, name string) error {
	i, err := t.globalIndex(name, "delete")
	if err != nil {
		return err
	}
	// The entries go in the commit that forgets the index. A crash leaves both or
	// neither, and an index made later under this name has another id.
	id := t.d.Indexes[i].ID
	t.d.Indexes = slices.Delete(t.d.Indexes, i, i+1)
	t.indexes = slices.DeleteFunc(t.indexes, func(x *index) bool { return x.d.ID == id })
	removeEntries(b, id)
	b.UseReserve()
	return nil
}

// retuneIndex changes the throughput of an index.
func (t *tableState) retuneIndex(name string, to Throughput) error {
	i, err := t.globalIndex(name, "update")
	if err != nil {
		return err
	}
	d := &t.d.Indexes[i]
	if t.d.Billing == Provisioned {
		d.History.changed(d.Throughput, to, t.ts.opts.Now())
	}
	d.Throughput = to
	for j, x := range t.indexes {
		if x.d.ID == d.ID {
			again := *x // a query may read the old one
			again.d = *d
			t.indexes[j] = &again
		}
	}
	return nil
}

// SetTTL gives the items of a table a time to live: the attribute's number is
// the second of the Unix epoch after which Run removes the item. An empty
// attribute takes it away. Errors: ErrNotFound, *ValidationError.
func (ts *Tables) SetTTL(name, attribute string) error {
	_, err := ts.alter(name, func(t *tableState, b *kv.Batch) error {
		old := t.d.Expiry
		switch {
		case attribute == "" && old == nil:
			return invalid("TimeToLive is already disabled")
		case attribute == "":
			t.d.Expiry = nil
			t.indexes = slices.DeleteFunc(t.indexes, func(x *index) bool { return x.expiry })
			b.UseReserve()
			removeEntries(b, old.ID)
			return nil
		case old != nil && old.Attribute == attribute:
			return invalid("TimeToLive is already enabled")
		case old != nil:
			return invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", old.Attribute)
		}
		t.d.Expiry = &expiry{ID: t.ts.next, Attribute: attribute, Fill: true}
		t.indexes = append(t.indexes, newExpiryIndex(t.ts.next, attribute, true))
		t.ts.next++
		return nil
	})
	return err
}

// TTL returns the attribute with the time to live of a table's items, or "" if
// they have none. ready says that items which are older than the setting expire
// too: the backfill is done. Errors: ErrNotFound.
func (ts *Tables) TTL(name string) (attribute string, ready bool, err error) {
	t, err := ts.get(name)
	if err != nil {
		return "", false, err
	}
	t.writes.RLock()
	defer t.writes.RUnlock()
	if e := t.d.Expiry; e != nil {
		return e.Attribute, !e.Fill, nil
	}
	return "", true, nil
}

// MaxTags is the most tags of a table.
const MaxTags = 50

// Tag adds tags to a table, or gives them other values. Errors: ErrNotFound,
// *ValidationError.
func (ts *Tables) Tag(name string, tags map[string]string) error {
	_, err := ts.alter(name, func(t *tableState, _ *kv.Batch) error {
		all := maps.Clone(t.d.Tags)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, tags)
		if len(all) > MaxTags {
			return invalid("One or more parameter values were invalid: Too many tags: at most %d are allowed", MaxTags)
		}
		t.d.Tags = all
		return nil
	})
	return err
}

// Untag removes tags from a table, as far as it has them. Errors: ErrNotFound.
func (ts *Tables) Untag(name string, keys []string) error {
	_, err := ts.alter(name, func(t *tableState, _ *kv.Batch) error {
		all := maps.Clone(t.d.Tags)
		maps.DeleteFunc(all, func(k, _ string) bool { return slices.Contains(keys, k) })
		t.d.Tags = all
		return nil
	})
	return err
}
