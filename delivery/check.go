package delivery

import (
	"bytes"
	"fmt"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// A checker checks the rows of all queues.
type checker struct {
	r      kv.Reader
	report *fsck.Report
	rows   map[QueueID]uint64 // how many there are
	dead   map[QueueID]uint64 // dead letters
}

// Check reports what is wrong with the deliveries of a store which nobody writes:
// rows and dead letters that cannot be read, rows whose queue or event does not
// exist, rows and the keys of their due times and groups that do not fit together,
// and counters by which events were lost or counted twice (P6). declared reports
// whether a rule has a target, stored whether a bus has an event.
func Check(r kv.Reader, declared func(QueueID) bool, stored func(bus string, seq uint64) bool, report *fsck.Report) {
	c := &checker{r, report, map[QueueID]uint64{}, map[QueueID]uint64{}}
	c.each(kindRow, "deliveries", func(id QueueID, key, value []byte) {
		c.rows[id]++
		if c.rows[id] == 1 && !declared(id) {
			c.fault(id, key, "events are queued, and no rule has the target")
		}
		if seq := keySeq(key); !stored(id.Bus, seq) {
			c.fault(id, key, "the bus does not have event %d, whose delivery is pending", seq)
		}
		c.row(id, key, value)
	})
	c.each(kindWait, "due times", func(id QueueID, key, _ []byte) {
		if w := c.rowOf(id, key); w != nil && !bytes.Equal(id.waitKey(w.due, w.seq), key) {
			c.fault(id, key, "the row of event %d is not due then", w.seq)
		}
	})
	c.each(kindGroup, "deliveries in groups", func(id QueueID, key, _ []byte) {
		if w := c.rowOf(id, key); w != nil && !bytes.Equal(id.groupKey(w.group, w.seq), key) {
			c.fault(id, key, "the row of event %d is not of this group", w.seq)
		}
	})
	c.deadLetters()
	c.counters()
}

func (c *checker) fault(id QueueID, key []byte, format string, args ...any) {
	c.report.Fault(fmt.Sprintf("target %s of rule %s of bus %s", id.Target, id.Rule, id.Bus), key, format, args...)
}

// each calls fn for the keys of one kind that are well-formed.
func (c *checker) each(kind byte, what string, fn func(id QueueID, key, value []byte)) {
	kv.Walk(c.r, kv.Prefix(kv.NewKey('d').Raw([]byte{kind})), c.report, "deliveries", what, func(key, value []byte) {
		k := kv.ReadKey(key[1:])
		id := QueueID{k.String(), k.String(), k.String()}
		if k.Err() != nil || len(key) < len(id.key(kind))+8 {
			c.report.Fault("deliveries", key, "the key is malformed")
			return
		}
		fn(id, key, value)
	})
}

// row checks that a row has the keys of its due time and its group.
func (c *checker) row(id QueueID, key, value []byte) {
	w, err := decodeRow(keySeq(key), value)
	switch {
	case err != nil:
		c.fault(id, key, "the row cannot be read: %v", err)
		return
	case !w.due.IsZero() && !kv.Holds(c.r, id.waitKey(w.due, w.seq)):
		c.fault(id, key, "the row of event %d is due, and nothing says when", w.seq)
	}
	if w.group != "" && !kv.Holds(c.r, id.groupKey(w.group, w.seq)) {
		c.fault(id, key, "the row of event %d is of the group %q, which does not know of it", w.seq, w.group)
	}
}

// rowOf returns the row that a key belongs to; nil, after a fault, if there is none.
func (c *checker) rowOf(id QueueID, key []byte) (w *row) {
	seq := keySeq(key)
	err := c.r.View(id.rowKey(seq), func(v []byte) (err error) {
		w, err = decodeRow(seq, v)
		return err
	})
	if err != nil {
		c.fault(id, key, "there is no row of event %d for the key: %v", seq, err)
		return nil
	}
	return w
}

// deadLetters checks that all dead letters can be read.
func (c *checker) deadLetters() {
	kv.Walk(c.r, kv.Prefix(kv.NewKey('x')), c.report, "dead letters", "dead letters", func(key, value []byte) {
		d, err := decodeDead(key, value)
		if err != nil {
			c.report.Fault("dead letters", key, "%v", err)
			return
		}
		c.dead[d.Queue]++
	})
}

// counters compares the counters of each queue with its rows and dead letters.
func (c *checker) counters() {
	counted := map[QueueID]bool{}
	kv.Walk(c.r, kv.Prefix(kv.NewKey('n')), c.report, "ledgers", "ledgers", func(key, value []byte) {
		k := kv.ReadKey(key)
		id := QueueID{k.String(), k.String(), k.String()}
		var n Counts
		if k.Err() != nil || !n.decode(value) {
			c.report.Fault("ledgers", key, "the counters cannot be read")
			return
		}
		counted[id] = true
		switch rows := c.rows[id]; {
		case n.Matched < n.Delivered+n.DeadLettered+n.Dropped:
			c.fault(id, key, "%d events matched, and %d were delivered, %d dead-lettered and %d dropped", n.Matched, n.Delivered, n.DeadLettered, n.Dropped)
		case n.Pending() != rows:
			c.fault(id, key, "%d events matched, %d were delivered, %d dead-lettered and %d dropped, so %d are pending, and there are %d", n.Matched, n.Delivered, n.DeadLettered, n.Dropped, n.Pending(), rows)
		case c.dead[id] > n.DeadLettered:
			c.fault(id, key, "there are %d dead letters, and %d events were dead-lettered", c.dead[id], n.DeadLettered)
		}
	})
	for id, rows := range c.rows {
		if !counted[id] {
			c.fault(id, id.countKey(), "%d events are pending, and there are no counters", rows)
		}
	}
}
