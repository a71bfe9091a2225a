package table

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// A tally counts items or entries and their bytes.
type tally struct{ n, bytes int64 }

func (t tally) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(t.n)), uint64(t.bytes))
}

// counters counts what is stored and calls wrong for each counter that says
// another thing, with what it must say; nil if it must not be there.
func (c *checker) counters(wrong func(part string, key, value []byte, text string)) {
	var all tally
	var partition []byte
	var size int64
	collection := func() {
		if c.t.local && partition != nil {
			c.compare(c.part(nil), kv.NewKey('t').Uint64(3).Uint64(c.t.id).Raw(partition), size, wrong)
		}
	}
	quiet := func([]byte, string, ...any) {}                  // items tells
	_ = c.eachItem(quiet, func(key []byte, of *image) error { // it never fails
		all.n, all.bytes = all.n+1, all.bytes+int64(of.size)
		if !c.t.local {
			return nil
		}
		if own := c.t.partition(of.item); !bytes.Equal(own, partition) {
			collection()
			partition, size = own, 0
		}
		size += int64(of.size)
		for _, x := range c.t.indexes {
			if x.d.Local {
				size += int64(x.entry(of, key).size())
			}
		}
		return nil
	})
	collection()
	c.compareCounter(c.part(nil), c.t.count.key, all, wrong)
	for _, x := range c.t.indexes {
		c.compareCounter(c.part(x), x.count.key, c.tally(x), wrong)
	}
	c.emptyCollections(wrong)
}

// tally counts the entries of an index.
func (c *checker) tally(x *index) (t tally) {
	it := c.r.Scan(kv.Prefix(itemsPrefix(x.d.ID)))
	for it.Next() {
		t.n++
		if x.expiry {
			continue
		}
		if of, err := item.DecodeBinary(it.Value()); err == nil { // else entries tells
			t.bytes += int64(item.Size(of))
		}
	}
	_ = it.Close() // entries tells
	return t
}

// compareCounter compares a stored counter with what it counts.
func (c *checker) compareCounter(part string, key []byte, want tally, wrong func(string, []byte, []byte, string)) {
	var have tally
	v, err := c.r.Get(key)
	switch {
	case err == nil && len(v) == 16:
		have = tally{int64(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint64(v[8:]))}
	case err == nil:
		have.n = -1
	case !isNotFound(err):
		c.report.Fault(part, key, "the counter cannot be read: %v", err)
		return
	}
	if have != want {
		wrong(part, key, want.encode(), fmt.Sprintf("the counter says %d with %d bytes, and there are %d with %d bytes", have.n, have.bytes, want.n, want.bytes))
	}
}

// compare compares the stored size of an item collection with what it holds.
func (c *checker) compare(part string, key []byte, want int64, wrong func(string, []byte, []byte, string)) {
	have := int64(0)
	if v, err := c.r.Get(key); err == nil && len(v) == 8 {
		have = int64(binary.BigEndian.Uint64(v))
	} else if !isNotFound(err) {
		have = -1
	}
	if have != want {
		wrong(part, key, binary.BigEndian.AppendUint64(nil, uint64(want)), fmt.Sprintf("the item collection is said to have %d bytes, and has %d", have, want))
	}
}

// emptyCollections calls wrong for sizes of collections that have no item.
func (c *checker) emptyCollections(wrong func(string, []byte, []byte, string)) {
	prefix := kv.NewKey('t').Uint64(3).Uint64(c.t.id)
	it := c.r.Scan(kv.Prefix(prefix))
	for it.Next() {
		if len(it.Value()) == 8 && binary.BigEndian.Uint64(it.Value()) == 0 {
			continue
		}
		items := c.r.Scan(kv.Prefix(append(itemsPrefix(c.t.id), it.Key()[len(prefix):]...)))
		some := items.Next()
		if err := items.Close(); err == nil && !some {
			wrong(c.part(nil), bytes.Clone(it.Key()), nil, "the item collection is said to have bytes, and has no items")
		}
	}
	if err := it.Close(); err != nil {
		c.report.Fault(c.part(nil), prefix, "the sizes of item collections cannot be read: %v", err)
	}
}
