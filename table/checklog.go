package table

import (
	"crypto/sha256"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// maxHistories is of how many items of a table the records are compared with each
// other and with the items; those of further items are passed over, and a note says
// so. Each takes about 60 bytes of memory.
const maxHistories = 4 << 20

// A history is what the records of one item say so far.
type history struct {
	op    stream.Op
	image [8]byte // of the item after the last record, if the view has new images
}

// log compares the records of the table's stream with each other and with the
// items: after an insertion comes no other, an old image is what the record before
// left, and the last record says what the item is. So a record that is missing
// between two others, or a change without one, is found.
func (c *checker) log(streams *stream.Streams) {
	all := streams.OfTable(c.t.name)
	if len(all) == 0 || !all[len(all)-1].Enabled() {
		return
	}
	st := all[len(all)-1]
	seen, left := map[string]history{}, false
	err := st.Stored(c.r, func(rec *stream.Record) error {
		if c.t.checkKey(rec.Keys) != nil {
			c.report.Fault(c.part(nil), nil, "record %d of its stream has a key that is not the table's", rec.Seq)
			return nil
		}
		key := string(c.t.itemKey(rec.Keys))
		before, known := seen[key]
		if !known && len(seen) == maxHistories {
			left = true
			return nil
		}
		if known {
			if text := before.contradicts(rec); text != "" {
				c.report.Fault(c.part(nil), []byte(key), "record %d of its stream %s", rec.Seq, text)
			}
		}
		seen[key] = history{rec.Op, imageHash(rec.New)}
		return nil
	})
	if err != nil {
		return // the check of the stream tells
	}
	if left {
		c.report.Note("Of table %s only the records of %d items were compared with the items.", c.t.name, maxHistories)
	}
	c.lastRecords(seen, st.View().HasNew())
}

// contradicts says why a record cannot be the next one of its item; empty if it can.
func (h history) contradicts(rec *stream.Record) string {
	there := h.op != stream.Remove
	switch {
	case there && rec.Op == stream.Insert:
		return "inserts an item that was there: a record is missing before it"
	case !there && rec.Op != stream.Insert:
		return "changes an item that was not there: a record is missing before it"
	case there && rec.View() == stream.NewAndOldImages && rec.Old != nil && imageHash(rec.Old) != h.image:
		return "has another old image than the record before left: a record is missing before it"
	}
	return ""
}

// lastRecords compares the items with what their last records say.
func (c *checker) lastRecords(seen map[string]history, images bool) {
	quiet := func([]byte, string, ...any) {} // items tells
	_ = c.eachItem(quiet, func(key []byte, of *image) error {
		h, known := seen[string(key)]
		delete(seen, string(key))
		switch {
		case !known:
		case h.op == stream.Remove:
			c.report.Fault(c.part(nil), key, "the item %s is there, and the last record of its stream removes it", c.name(of.item))
		case images && imageHash(of.item) != h.image:
			c.report.Fault(c.part(nil), key, "the item %s is not what the last record of its stream says", c.name(of.item))
		}
		return nil
	})
	for key, h := range seen {
		if h.op == stream.Remove {
			continue
		}
		if err := c.r.View([]byte(key), func([]byte) error { return nil }); isNotFound(err) {
			c.report.Fault(c.part(nil), []byte(key), "the last record of its stream says that the item is there, and it is not")
		}
	}
}

// imageHash tells images apart; the zero hash is that of no image.
func imageHash(it item.Item) (out [8]byte) {
	if it != nil {
		sum := sha256.Sum256(item.AppendBinary(nil, it))
		copy(out[:], sum[:])
	}
	return out
}
