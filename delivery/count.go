package delivery

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/kv"
)

// Counts are the counters of a rule or of one of its queues since it was created:
// how many events matched, and how many of them ended in which way.
type Counts struct{ Matched, Delivered, DeadLettered, Dropped uint64 }

// Pending returns how many events are pending: the number of rows.
func (c Counts) Pending() uint64 { return c.Matched - c.Delivered - c.DeadLettered - c.Dropped }

func (c *Counts) encode() (dst []byte) {
	for _, n := range [...]uint64{c.Matched, c.Delivered, c.DeadLettered, c.Dropped} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func (c *Counts) decode(b []byte) bool {
	r := wire.NewReader(b)
	for _, p := range [...]*uint64{&c.Matched, &c.Delivered, &c.DeadLettered, &c.Dropped} {
		*p = r.Uvarint()
	}
	return r.Done()
}

func (c *Counts) add(o *Counts) {
	c.Matched += o.Matched
	c.Delivered += o.Delivered
	c.DeadLettered += o.DeadLettered
	c.Dropped += o.Dropped
}

// A ruleID names a rule.
type ruleID struct{ bus, rule string }

// countsOf returns the counters of a queue, new ones if it has none. The caller
// holds mu.
func (q *Queues) countsOf(id QueueID) *Counts {
	c := q.counts[id]
	if c == nil {
		c = &Counts{}
		q.counts[id] = c
		rule := ruleID{id.Bus, id.Rule}
		q.ofRule[rule] = append(q.ofRule[rule], c)
	}
	return c
}

// loadCounts reads all counters.
func (q *Queues) loadCounts() error {
	it := q.store.Scan(kv.Prefix(kv.NewKey('n')))
	for it.Next() {
		k := kv.ReadKey(it.Key())
		id := QueueID{k.String(), k.String(), k.String()}
		c := q.countsOf(id) // without mu: Open has not returned
		if k.Err() != nil || !c.decode(it.Value()) {
			it.Close()
			return fmt.Errorf("delivery: %w: counters of rule %q of bus %q", kv.ErrCorrupt, id.Rule, id.Bus)
		}
	}
	return it.Close()
}

// Counts returns the counters of a rule, summed over all targets that it ever had.
// P6 holds in each reading.
func (q *Queues) Counts(bus, rule string) Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	var sum Counts
	for _, c := range q.ofRule[ruleID{bus, rule}] {
		sum.add(c)
	}
	return sum
}

// OldestPending returns the lowest seq of a bus that has a row; the events from
// there on must not be deleted. ok is false if there are no rows. To act on it,
// call it inside WithoutRedrive.
func (q *Queues) OldestPending(bus string) (seq uint64, ok bool, err error) {
	for id, from := range q.pending(bus) {
		r := kv.Prefix(id.key(kindRow))
		r.Lower = id.rowKey(from)
		k, err := q.first(r)
		if err != nil {
			return 0, false, err
		}
		if k == nil {
			continue
		}
		s := keySeq(k)
		q.mu.Lock()
		q.oldest[id] = s
		q.mu.Unlock()
		if !ok || s < seq {
			seq, ok = s, true
		}
	}
	return seq, ok, nil
}

// pending returns the queues of a bus that have rows, each with a seq below
// which it has none.
func (q *Queues) pending(bus string) map[QueueID]uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := map[QueueID]uint64{}
	for id, c := range q.counts {
		if id.Bus == bus && c.Pending() > 0 {
			out[id] = q.oldest[id]
		}
	}
	return out
}

// first returns the first key of a range, or nil.
func (q *Queues) first(r kv.Range) ([]byte, error) {
	it := q.store.Scan(r)
	var k []byte
	if it.Next() {
		k = bytes.Clone(it.Key())
	}
	return k, it.Close()
}
