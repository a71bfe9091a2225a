package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A checker checks one table: its items, the entries of its indexes both ways,
// and its counters.
type checker struct {
	r          kv.Reader
	report     *fsck.Report
	t          *tableState
	unreadable int // items, and ends of scans, that could not be read
}

// Check reports what is wrong with the tables of a store which nobody writes: items
// that cannot be read, entries of indexes that are missing, extra or different,
// counters that do not count, items that are not what the change records say, and
// keys of no table. An index whose backfill is under way may lack entries. streams
// come from stream.Check.
func Check(r kv.Reader, streams *stream.Streams, report *fsck.Report) {
	tables := stored(r, report)
	ids, highest := map[uint64]bool{}, uint64(0)
	for _, t := range tables {
		c := &checker{r: r, report: report, t: t}
		c.check()
		c.log(streams)
		ids[t.id] = true
		highest = max(highest, t.id)
		for _, x := range t.indexes {
			ids[x.d.ID] = true
			highest = max(highest, x.d.ID)
		}
	}
	checkIDs(r, report, ids, highest)
	checkTokens(r, report)
}

// stored returns the tables of the catalogue that can be read.
func stored(r kv.Reader, report *fsck.Report) (tables []*tableState) {
	it := r.Scan(kv.Prefix(kv.NewKey('t').Uint64(1)))
	for it.Next() {
		report.Walked("tables", 1)
		var d descriptor
		if err := json.Unmarshal(it.Value(), &d); err != nil {
			report.Fault("tables", it.Key(), "the descriptor cannot be read: %v", err)
			continue
		}
		if !bytes.Equal(it.Key(), catalogueKey(d.Name)) {
			report.Fault("table "+d.Name, it.Key(), "the descriptor is under the name of another table")
			continue
		}
		tables = append(tables, newTable(nil, d))
	}
	if err := it.Close(); err != nil {
		report.Fault("tables", nil, "the catalogue cannot be read to its end: %v", err)
	}
	return tables
}

func (c *checker) part(x *index) string {
	switch {
	case x == nil:
		return "table " + c.t.name
	case x.expiry:
		return "table " + c.t.name + ", time to live"
	default:
		return "table " + c.t.name + ", index " + x.d.Name
	}
}

func (c *checker) check() {
	wrong := func(x *index, f finding) error {
		c.report.Fault(c.part(x), f.key, "%s", f.text)
		return nil
	}
	_ = c.items(wrong) // wrong never fails
	for _, x := range c.t.indexes {
		_ = c.entries(x, wrong)
	}
	c.counters(func(part string, key, value []byte, text string) { c.report.Fault(part, key, "%s", text) })
}

// A finding is an entry of an index that is not as its item has it.
type finding struct {
	key  []byte
	want entry // what must be stored; the zero entry if nothing
	text string
}

// eachItem calls fn for the items of the table, in the order of their keys, until
// it fails, and unreadable for what cannot be read.
func (c *checker) eachItem(unreadable func(key []byte, format string, args ...any), fn func(key []byte, of *image) error) error {
	it := c.r.Scan(kv.Prefix(itemsPrefix(c.t.id)))
	var last []byte
	n := uint64(0)
	for it.Next() {
		n++
		last = append(last[:0], it.Key()...)
		decoded, err := item.DecodeBinary(it.Value())
		if err != nil {
			unreadable(last, "the item cannot be read: %v", err)
			continue
		}
		if err := c.t.checkKey(c.t.schema.Project(decoded)); err != nil {
			unreadable(last, "the item has no proper key: %v", err)
			continue
		}
		of := image{item: decoded, size: item.Size(decoded), binary: bytes.Clone(it.Value())}
		if err := fn(last, &of); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		unreadable(last, "%d items can be read, up to this one, and no further: %v", n, err)
	}
	return nil
}

// items checks that each item is under its own key and has its entries, and calls
// wrong for entries that are missing.
func (c *checker) items(wrong func(*index, finding) error) error {
	unreadable := func(key []byte, format string, args ...any) {
		c.unreadable++
		c.report.Fault(c.part(nil), key, format, args...)
	}
	return c.eachItem(unreadable, func(key []byte, of *image) error {
		c.report.Walked("items", 1)
		if !bytes.Equal(c.t.itemKey(of.item), key) {
			c.report.Fault(c.part(nil), key, "the item is under the key of another")
		}
		for _, x := range c.t.indexes {
			want := x.entry(of, key)
			if want.key == nil || x.d.Fill {
				continue
			}
			err := c.r.View(want.key, func([]byte) error { return nil })
			switch {
			case isNotFound(err):
				err = wrong(x, finding{want.key, want, fmt.Sprintf("the entry of the item %s is missing", c.name(of.item))})
			case err != nil:
				c.report.Fault(c.part(x), want.key, "the entry cannot be read: %v", err)
				continue
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// name returns the key of an item as text.
func (c *checker) name(of item.Item) string {
	return string(item.AppendJSON(nil, c.t.schema.Project(of)))
}

// entries calls wrong for the entries of an index that no item has or that are not
// as the item has them.
func (c *checker) entries(x *index, wrong func(*index, finding) error) error {
	it := c.r.Scan(kv.Prefix(itemsPrefix(x.d.ID)))
	var last []byte
	for it.Next() {
		c.report.Walked("index entries", 1)
		last = append(last[:0], it.Key()...)
		f, err := c.entry(x, last, it.Value())
		if err != nil {
			c.report.Fault(c.part(x), last, "the item of the entry cannot be read: %v", err)
			continue
		}
		if f.text == "" {
			continue
		}
		if err := wrong(x, f); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		c.report.Fault(c.part(x), last, "the entries cannot be read beyond this one: %v", err)
	}
	return nil
}

// entry compares one entry with its item; the finding has no text if nothing is
// wrong.
func (c *checker) entry(x *index, key, value []byte) (finding, error) {
	rest := key[prefixLength:]
	for _, a := range x.d.Schema.Attrs() {
		var err error
		if _, rest, err = item.DecodeKey(rest, a.Kind); err != nil {
			return finding{key: key, text: "the key is malformed"}, nil
		}
	}
	own := append(itemsPrefix(c.t.id), rest...)
	of, err := readImage(c.r, own, true)
	if err != nil {
		return finding{}, err
	}
	want := x.entry(&of, own)
	switch {
	case of.item == nil:
		return finding{key: key, text: "there is no item for the entry"}, nil
	case !bytes.Equal(want.key, key):
		return finding{key: key, text: fmt.Sprintf("the item %s has no such entry", c.name(of.item))}, nil
	case x.expiry:
		return finding{}, nil
	}
	if have, err := item.DecodeBinary(value); err != nil || !item.EqualItems(have, want.of.item) {
		return finding{key, want, fmt.Sprintf("the entry is not what the item %s has", c.name(of.item))}, nil
	}
	return finding{}, nil
}

// checkIDs reports items, entries and counters under ids that no table or index has,
// and an id that would be given twice.
func checkIDs(r kv.Reader, report *fsck.Report, ids map[uint64]bool, highest uint64) {
	var next uint64 = 1
	err := r.View(nextKey, func(v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("it has %d bytes", len(v))
		}
		next = binary.BigEndian.Uint64(v)
		return nil
	})
	if err != nil && !isNotFound(err) {
		report.Fault("tables", nextKey, "the next id cannot be read: %v", err)
	} else if next <= highest {
		report.Fault("tables", nextKey, "the next id is %d, and a table or an index has %d", next, highest)
	}
	for _, under := range []kv.Key{kv.NewKey('i'), kv.NewKey('t').Uint64(2), kv.NewKey('t').Uint64(3), kv.NewKey('t').Uint64(4)} {
		upper := tuple.PrefixEnd(under)
		for lower := []byte(under); lower != nil; {
			it := r.Scan(kv.Range{Lower: lower, Upper: upper})
			lower = nil
			if it.Next() && len(it.Key()) >= len(under)+8 {
				key := bytes.Clone(it.Key())
				id := binary.BigEndian.Uint64(key[len(under):])
				if !ids[id] {
					report.Fault("tables", key, "no table or index has the id %d, under which something is stored", id)
				}
				lower = tuple.PrefixEnd(key[:len(under)+8])
			}
			if err := it.Close(); err != nil {
				report.Fault("tables", lower, "the ids cannot be read: %v", err)
			}
		}
	}
}

// checkTokens reports client tokens that would never be forgotten.
func checkTokens(r kv.Reader, report *fsck.Report) {
	it := r.Scan(kv.Prefix(kv.NewKey('t').Uint64(5)))
	for it.Next() {
		report.Walked("client tokens", 1)
		k := kv.ReadKey(it.Key())
		k.Uint64()
		text := k.String()
		if k.Err() != nil || len(it.Value()) != 8+32 {
			report.Fault("tables", it.Key(), "the client token is malformed")
			continue
		}
		order := kv.NewKey('t').Uint64(6).Uint64(binary.BigEndian.Uint64(it.Value())).String(text)
		if err := r.View(order, func([]byte) error { return nil }); err != nil {
			report.Fault("tables", it.Key(), "the client token is not listed to be forgotten: %v", err)
		}
	}
	if err := it.Close(); err != nil {
		report.Fault("tables", nil, "the client tokens cannot be read: %v", err)
	}
}
