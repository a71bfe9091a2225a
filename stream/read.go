package stream

import (
	"slices"

	"github.com/tablecast/tablecast/kv"
)

// A Page is the result of one Read or ReadShard, for those who read a stream in
// the process of its node.
type Page struct {
	Records []Record
	Next    uint64 // the position to go on from
	Closed  bool   // the end of a closed shard (ReadShard) or disabled stream (Read) was reached
}

// Read returns the durable records after the position, of all shards in order
// of their sequence numbers: at most limit, and no more once they take maxBytes.
// Errors: ErrTrimmed if records after the position were removed; kv.ErrCorrupt if
// the first record after the position is damaged. A page ends before a damaged
// record.
func (st *Stream) Read(after uint64, limit, maxBytes int) (Page, error) {
	bound := st.s.store.Durable()
	m := st.merge(after, bound)
	defer m.close()
	// Trimming raises Trimmed before it removes records. The iterators exist by
	// now: records that they lack were removed before, and Trimmed tells of them.
	if after < st.Trimmed() {
		return Page{}, ErrTrimmed
	}
	page := Page{Next: after}
	bytes := 0
	for len(page.Records) < limit && bytes < maxBytes {
		key, value, ok := m.next()
		if !ok {
			end := st.closing()
			page.Closed = end > 0 && end <= bound && m.err == nil
			break
		}
		r, err := decodeRecord(st, seqOf(key), value)
		if err != nil && len(page.Records) > 0 {
			break // the next page begins with it
		}
		if err != nil {
			return Page{}, err
		}
		bytes += len(value)
		page.Records = append(page.Records, r)
		page.Next = r.Seq
	}
	return page, m.close()
}

// A merger reads several shards in order of sequence numbers.
type merger struct {
	its     []*kv.Iter // those that stand on a record
	current int        // the one whose record next returned; -1 if none
	err     error      // the first that an iterator met
}

// merge starts to read the records in (after, bound].
func (st *Stream) merge(after, bound uint64) *merger {
	m := &merger{current: -1}
	for _, t := range st.allTails() {
		if t.last.Load() <= after {
			continue
		}
		prefix := recordKey(st.d.ID, t.number)
		it := st.s.store.Scan(kv.Range{Lower: slices.Clone(prefix).Uint64(after + 1), Upper: slices.Clone(prefix).Uint64(bound + 1)})
		m.its = append(m.its, it)
		m.advance(len(m.its) - 1)
	}
	return m
}

// advance moves an iterator to its next record, and closes it at its end.
func (m *merger) advance(i int) {
	if m.its[i].Next() {
		return
	}
	m.fail(m.its[i].Close())
	m.its = slices.Delete(m.its, i, i+1)
}

func (m *merger) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// next returns the record with the lowest number. It is valid until the next
// call.
func (m *merger) next() (key, value []byte, ok bool) {
	if m.current >= 0 {
		m.advance(m.current)
		m.current = -1
	}
	if m.err != nil {
		return nil, nil, false
	}
	low := -1
	for i, it := range m.its {
		if low < 0 || seqOf(it.Key()) < seqOf(m.its[low].Key()) {
			low = i
		}
	}
	if low < 0 {
		return nil, nil, false
	}
	m.current = low
	return m.its[low].Key(), m.its[low].Value(), true
}

// close releases the iterators and returns the first error; it may be called
// again.
func (m *merger) close() error {
	for _, it := range m.its {
		m.fail(it.Close())
	}
	m.its, m.current = nil, -1
	return m.err
}

// ReadShard returns the durable records of one shard from the position on: at
// most limit, whose sizes are at most maxBytes together, but at least one if there is
// one. Errors: ErrNotFound, ErrTrimmed, and kv.ErrCorrupt as Read.
func (st *Stream) ReadShard(id string, from uint64, limit, maxBytes int) (Page, error) {
	shard, err := st.shard(id)
	if err != nil {
		return Page{}, err
	}
	bound := st.s.store.Durable()
	prefix := recordKey(st.d.ID, shard.Number)
	it := st.s.store.Scan(kv.Range{Lower: slices.Clone(prefix).Uint64(min(from, bound+1)), Upper: slices.Clone(prefix).Uint64(bound + 1)})
	// As in Read, asked once the iterator exists.
	if trimmed := st.Trimmed(); 0 < trimmed && from <= trimmed {
		it.Close()
		return Page{}, ErrTrimmed
	}
	page := Page{Next: from}
	bytes := 0
	full := false
	for !full && it.Next() {
		r, err := decodeRecord(st, seqOf(it.Key()), it.Value())
		if err != nil && len(page.Records) > 0 {
			full = true // the next page begins with it
			break
		}
		if err != nil {
			it.Close()
			return Page{}, err
		}
		if bytes += r.Size; bytes > maxBytes && len(page.Records) > 0 {
			full = true // as above
			break
		}
		page.Records = append(page.Records, r)
		page.Next = r.Seq + 1
		full = len(page.Records) == limit || bytes >= maxBytes
	}
	if !full {
		page.Next = max(page.Next, bound+1)
	}
	page.Closed = !shard.Open() && page.Next > shard.Last
	return page, it.Close()
}

// shard finds a shard by its id.
func (st *Stream) shard(id string) (Shard, error) {
	for _, s := range st.Shards() {
		if s.ID == id {
			return s, nil
		}
	}
	return Shard{}, ErrNotFound
}
