package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// Limits of the secondary indexes of a table.
const (
	MaxGlobalIndexes = 20
	MaxLocalIndexes  = 5
)

// A Projection says which attributes are projected into an index beside the keys.
type Projection string

// The projections, by DynamoDB's names.
const (
	ProjectAll  Projection = "ALL"
	ProjectKeys Projection = "KEYS_ONLY"
	ProjectSome Projection = "INCLUDE" // those that IndexSpec.Include names
)

// An IndexSpec describes a secondary index. A local index has the table's
// partition key and exists as long as its table.
type IndexSpec struct {
	Name       string         `json:"name"`
	Local      bool           `json:"local,omitzero"`
	Schema     item.KeySchema `json:"schema"`
	Projection Projection     `json:"projection"`
	Include    []string       `json:"include,omitzero"`
	Throughput Throughput     `json:"throughput,omitzero"`
}

// An indexDescriptor is the stored form of an index's settings.
type indexDescriptor struct {
	ID   uint64 `json:"id"`
	Fill bool   `json:"fill,omitzero"` // the backfill is not done
	IndexSpec
	History ThroughputHistory `json:"history,omitzero"`
}

// An index keeps entries of a table's items in the order of other attributes.
// It has an id as a table has, and its entries the keys of that id:
//
//	'i' index id, partition, sort, key of the item -> projected item
//
// partition and sort are the attributes of the index's key one after another, up to
// four each in a global index.
//
// An item that lacks a key attribute of the index has no entry. Nor has one whose
// attribute is of another type, empty or too large, which only items that are
// older than the index can have. The expiry index of a table with a time to live has the
// attribute of the time as its partition key and entries without a value.
type index struct {
	d      indexDescriptor
	expiry bool
	held   []string // the projected attributes, in order; nil: all
	count  *counter
}

func newIndex(d indexDescriptor, table item.KeySchema) *index {
	x := &index{d: d, count: newCounter(d.ID)}
	if d.Projection != ProjectAll {
		for _, a := range append(table.Attrs(), d.Schema.Attrs()...) {
			x.held = append(x.held, a.Name)
		}
		x.held = append(x.held, d.Include...)
		slices.Sort(x.held)
		x.held = slices.Compact(x.held)
	}
	return x
}

// newExpiryIndex returns the index of the times that the attribute holds.
func newExpiryIndex(id uint64, attribute string, fill bool) *index {
	schema := item.KeySchema{Hash: item.KeyAttr{Name: attribute, Kind: item.Number}}
	d := indexDescriptor{ID: id, Fill: fill, IndexSpec: IndexSpec{Schema: schema}}
	return &index{d: d, expiry: true, count: newCounter(id)}
}

// project returns the attributes of an item that are projected into the index.
func (x *index) project(it item.Item) item.Item {
	if x.held == nil {
		return it
	}
	var out item.Item
	for _, name := range x.held {
		if v, ok := it.Get(name); ok {
			out = append(out, item.Field{Name: name, Value: v})
		}
	}
	return out
}

// key returns the key of an item's entry, or nil if the item has none.
func (x *index) key(it item.Item, own []byte) []byte {
	if it == nil {
		return nil
	}
	k := itemsPrefix(x.d.ID)
	size := x.keySize()
	for i, a := range x.d.Schema.Attrs() {
		v, ok := it.Get(a.Name)
		if !ok || v.Kind() != a.Kind || size.add(v, i) != nil {
			return nil
		}
		k = item.AppendKey(k, v)
	}
	return append(k, own[prefixLength:]...)
}

// prefixLength is the length of the keyspace and the id before the attributes
// of a key.
const prefixLength = 1 + 8

// An indexChange is what a write does to an index.
type indexChange struct {
	index        *index
	before, now  int   // sizes of the entry; 0: there is none
	moved        bool  // the entry gets another key
	counted      int64 // change of the number of entries
	countedBytes int64 // change of the sum of their sizes
}

// An entry is one item's entry in an index. The zero entry stands for no entry.
type entry struct {
	key []byte
	of  *image // the projected item; nil in an expiry index
}

// entry returns the entry of an item; own is the item's own key in the store.
func (x *index) entry(of *image, own []byte) entry {
	key := x.key(of.item, own)
	switch {
	case key == nil:
		return entry{}
	case x.expiry:
		return entry{key: key}
	case x.held == nil:
		return entry{key, of} // encoded once for the row and the entries
	default:
		projected := newImage(x.project(of.item))
		return entry{key, &projected}
	}
}

func (e entry) size() int {
	if e.of == nil {
		return 0
	}
	return e.of.size
}

// value returns what is stored under the entry's key.
func (e entry) value() []byte {
	if e.of == nil {
		return nil
	}
	return e.of.encode()
}

// update adds the change of a changed item's entry to the batch. It returns nil if
// the entry stays the same. The caller holds the item's lock.
func (x *index) update(b *kv.Batch, r kv.Reader, w *write) (*indexChange, error) {
	before, now := x.entry(&w.old, w.stored), x.entry(&w.now, w.stored)
	same := bytes.Equal(before.key, now.key)
	if same && (before.of == now.of || x.held != nil && item.EqualItems(before.of.item, now.of.item)) {
		return nil, nil
	}
	c := &indexChange{index: x, before: before.size(), now: now.size(), moved: !same && before.key != nil && now.key != nil}
	present, err := x.present(r, before.key)
	if err != nil {
		return nil, err
	}
	if present {
		c.counted, c.countedBytes = -1, -int64(c.before)
	}
	if before.key != nil && !same {
		b.Delete(before.key)
	}
	if now.key != nil {
		b.Set(now.key, now.value())
		c.counted++
		c.countedBytes += int64(c.now)
	}
	return c, nil
}

// present reports whether the entry with the key is stored. During the backfill, an
// item that the backfill has not reached has no entry yet.
func (x *index) present(r kv.Reader, key []byte) (bool, error) {
	if key == nil || !x.d.Fill {
		return key != nil, nil
	}
	err := r.View(key, func([]byte) error { return nil })
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// checkIndexes refuses an item that has an attribute which is a key of an index
// and cannot be one, by its type or size.
func (t *tableState) checkIndexes(it item.Item) error {
	for _, x := range t.indexes {
		if x.expiry {
			continue
		}
		size := x.keySize()
		for i, a := range x.d.Schema.Attrs() {
			v, ok := it.Get(a.Name)
			if !ok {
				continue
			}
			if v.Kind() != a.Kind {
				return wrongIndexKind(x, a, v.Kind())
			}
			if err := size.add(v, i); err != nil {
				return &ValidationError{Msg: fmt.Sprintf("%s IndexName: %s, IndexKey: %s", err.Msg, x.d.Name, a.Name), empty: err.empty}
			}
		}
	}
	return nil
}

// kindName names the kind of a string or binary in error texts.
func kindName(v item.Value) string {
	if v.Kind() == item.Binary {
		return "binary"
	}
	return "string"
}

// A keySize adds up the sizes of the attributes of an index's key, those of the
// partition key and those of the sort key apart. Numbers do not count.
type keySize struct {
	hashes     int // how many of the attributes are of the partition key
	hash, sort int // bytes
}

func (x *index) keySize() keySize { return keySize{hashes: x.d.Schema.Hashes()} }

// add adds the value of the i-th attribute, and refuses it if it is empty or if its
// part of the key is too large with it. It returns nil if all is well.
func (s *keySize) add(v item.Value, i int) *ValidationError {
	size := len(v.Str())
	switch {
	case v.Kind() == item.Number:
		return nil
	case size == 0:
		return emptyKey("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty %s value.", kindName(v))
	case i < s.hashes:
		s.hash += size
	default:
		s.sort += size
	}
	switch {
	case s.hash > maxHashKey:
		return &ValidationError{Msg: "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes."}
	case s.sort > maxRangeKey:
		return &ValidationError{Msg: "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes."}
	default:
		return nil
	}
}

// checkKinds refuses key attributes that have another type in one of the other
// schemas of the table: no item could have both.
func checkKinds(s item.KeySchema, others []item.KeySchema) error {
	for _, other := range others {
		for _, a := range s.Attrs() {
			for _, b := range other.Attrs() {
				if a.Name == b.Name && a.Kind != b.Kind {
					return invalid("One or more parameter values were invalid: Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. "+
						"Existing schema: %s New schema: %s", shownSchema(other), shownSchema(s))
				}
			}
		}
	}
	return nil
}

// shownSchema prints a key schema for an error.
func shownSchema(s item.KeySchema) string {
	var parts []string
	for i, a := range s.Attrs() {
		role := "HASH"
		if i >= s.Hashes() {
			role = "RANGE"
		}
		parts = append(parts, "SchemaElement: key{"+a.Name+":"+a.Kind.String()+":"+role+"}")
	}
	return "Schema:[" + strings.Join(parts, ", ") + "]"
}

// index returns the secondary index of that name.
func (t *tableState) index(name string) (*index, error) {
	for _, x := range t.indexes {
		if !x.expiry && x.d.Name == name {
			return x, nil
		}
	}
	return nil, invalid("The table does not have the specified index: %s", name)
}
