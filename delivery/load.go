package delivery

import (
	"errors"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// load makes a page of rows ready, waiting ones and new ones alike, so that
// neither starves the other. If there may be more, the queue stays stale.
func (w *queue) load(p Policy) error {
	now := w.q.now()
	full, err := w.loadDue(now)
	if err == nil && w.checkStranded {
		w.checkStranded, err = w.loadStranded(now.Add(p.MaxAge + p.maxBackoff))
	}
	if err != nil {
		return err
	}
	more, err := w.loadFresh(func(*row) bool { return true })
	if full || more || w.checkStranded {
		w.wake()
	}
	return err
}

// loadDue makes waiting rows ready that are due, the longest overdue first, and
// notes when the next one is. It reports whether it stopped before the end.
//
// The scan starts at waitFloor: the rows below are busy or settled, and their
// keys are deleted or will be, so that a long backlog is not scanned again with
// each page. expectWaiting lowers the floor for a row that comes back below it.
func (w *queue) loadDue(now time.Time) (full bool, err error) {
	w.next = time.Time{}
	if w.noneWaiting {
		return false, nil
	}
	r := w.prefix(kindWait)
	r.Lower = w.id.waitKey(w.waitFloor, 0)
	w.waitFloor = now
	it := w.q.store.Scan(r)
	var due []uint64
	for len(due) < pageRows && it.Next() {
		k := it.Key()
		if _, ok := w.busy[keySeq(k)]; ok {
			continue
		}
		at := keyDue(k)
		if at.After(now) {
			w.next = at
			break
		}
		due, w.waitFloor = append(due, keySeq(k)), at
	}
	if err := it.Close(); err != nil {
		return false, err
	}
	if full = len(due) == pageRows; !full {
		w.waitFloor = now
	}
	w.noneWaiting = !full && w.next.IsZero()
	return full, w.makeAllReady(due)
}

// loadStranded makes waiting rows ready that are due later than any pause lasts:
// an earlier process wrote them while its clock was ahead. It reports whether
// there may be more.
func (w *queue) loadStranded(latest time.Time) (more bool, err error) {
	r := w.prefix(kindWait)
	r.Reverse = true
	it := w.q.store.Scan(r)
	var due []uint64
	for len(due) < pageRows && it.Next() && keyDue(it.Key()).After(latest) {
		due = append(due, keySeq(it.Key()))
	}
	if err := it.Close(); err != nil {
		return false, err
	}
	return len(due) == pageRows, w.makeAllReady(due)
}

func (w *queue) makeAllReady(seqs []uint64) error {
	for _, seq := range seqs {
		r, err := w.get(seq)
		if err != nil {
			return err
		}
		if r != nil {
			w.makeReady(r)
		}
	}
	return nil
}

// loadExpired makes a page of rows of each kind ready that are old: of the new
// ones those up to the first that is not, of the waiting ones those among the
// longest overdue.
func (w *queue) loadExpired(now time.Time, old func(*row) bool) error {
	if _, err := w.loadFresh(old); err != nil {
		return err
	}
	r := w.prefix(kindWait)
	r.Lower, r.Upper = w.id.waitKey(w.waitFloor, 0), w.id.waitKey(now, 0)
	it := w.q.store.Scan(r)
	var due []uint64
	for seen := 0; seen < scanRows && len(due) < pageRows && it.Next(); seen++ {
		seq := keySeq(it.Key())
		if _, ok := w.busy[seq]; ok {
			continue
		}
		r, err := w.get(seq)
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if r != nil && old(r) {
			due = append(due, seq)
		}
	}
	if err := it.Close(); err != nil {
		return err
	}
	return w.makeAllReady(due)
}

// loadFresh makes rows ready that were never attempted, from the cursor up to one
// that does not fit. It reports whether there may be more that fit.
//
// A row behind the head of its group is passed over; promote finds it when the
// head has gone.
func (w *queue) loadFresh(fits func(*row) bool) (more bool, err error) {
	// The durable number is read before the scan, so that the scan sees all rows
	// up to it. Later rows are visible but may be lost with power: they wait for
	// the Wake that follows their fsync (P2).
	durable := w.q.store.Durable()
	rng := w.prefix(kindRow)
	rng.Lower = w.id.rowKey(w.cursor)
	it := w.q.store.Scan(rng)
	defer func() { err = errors.Join(err, it.Close()) }()
	for seen, taken := 0, 0; it.Next(); seen++ {
		seq := keySeq(it.Key())
		if seq > durable {
			return false, nil
		}
		if seen == scanRows || taken == pageRows {
			return true, nil
		}
		r, err := decodeRow(seq, it.Value())
		if err != nil {
			return false, err
		}
		if r.due.IsZero() && !fits(r) {
			return false, nil
		}
		w.cursor = seq + 1
		if !r.due.IsZero() {
			continue
		}
		first, err := w.isGroupHead(r)
		if err != nil {
			return false, err
		}
		if first && w.makeReady(r) {
			taken++
		}
	}
	return false, nil
}

// isGroupHead reports whether r is the first row of its group and none of the group
// is busy.
func (w *queue) isGroupHead(r *row) (bool, error) {
	if r.group == "" {
		return true, nil
	}
	if _, ok := w.groups[r.group]; ok {
		return false, nil
	}
	head, err := w.groupHead(r.group)
	return head == r.seq, err
}

// groupHead returns the lowest seq of a group; 0 if it has no row.
func (w *queue) groupHead(group string) (uint64, error) {
	r := kv.Prefix(w.id.key(kindGroup).String(group))
	r.Lower = w.id.groupKey(group, w.groupHeads[group])
	k, err := w.q.first(r)
	if err != nil || k == nil {
		return 0, err
	}
	return keySeq(k), nil
}

// promote makes the next row of a group ready after its head has settled, if the
// cursor has passed it; otherwise loadFresh finds it. A head that waits for a
// retry stays the head: the rows behind it wait with it (invariant 5).
func (w *queue) promote(settled *row) error {
	group := settled.group
	if group == "" {
		return nil
	}
	if len(w.groupHeads) == headsLimit {
		clear(w.groupHeads)
	}
	w.groupHeads[group] = settled.seq
	seq, err := w.groupHead(group)
	if err != nil || seq == 0 || seq >= w.cursor {
		return err
	}
	r, err := w.get(seq)
	if err == nil && r != nil && !r.due.After(w.q.now()) {
		w.makeReady(r)
	}
	return err
}

// makeReady makes a row ready unless it is busy. A row of a group must be its head.
func (w *queue) makeReady(r *row) bool {
	if _, ok := w.busy[r.seq]; ok {
		return false
	}
	if r.group != "" {
		w.groups[r.group] = struct{}{}
	}
	w.busy[r.seq] = r
	w.ready = append(w.ready, r)
	return true
}

// get reads a row; nil if it no longer exists.
func (w *queue) get(seq uint64) (r *row, err error) {
	err = w.q.store.View(w.id.rowKey(seq), func(v []byte) (err error) {
		r, err = decodeRow(seq, v)
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	return r, err
}

// prefix returns the range of the queue's keys of one kind.
func (w *queue) prefix(kind byte) kv.Range { return kv.Prefix(w.id.key(kind)) }
