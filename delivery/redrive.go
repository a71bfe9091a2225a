package delivery

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// A DeadFilter selects dead letters; a zero field selects all.
type DeadFilter struct {
	Bus, Rule, Target string
	Event             string // id of the event
	Code              string // of the last failure
	Text              string // in its message
	Since, Until      time.Time
}

// has reports whether the filter selects a dead letter.
func (f *DeadFilter) has(d *DeadLetter) bool {
	switch {
	case !f.hasQueue(d.Queue),
		f.Event != "" && (d.Event == nil || f.Event != d.Event.ID),
		f.Code != "" && f.Code != d.Code,
		!strings.Contains(d.Msg, f.Text),
		!f.Since.IsZero() && d.Last.Before(f.Since), !f.Until.IsZero() && !d.Last.Before(f.Until):
		return false
	}
	return true
}

// prefix returns the prefix of the keys of all that the filter selects.
func (f *DeadFilter) prefix() kv.Key {
	k := kv.NewKey('x')
	for _, part := range [...]string{f.Bus, f.Rule, f.Target} {
		if part == "" {
			break
		}
		k = k.String(part)
	}
	return k
}

// hasQueue reports whether the filter may select dead letters of a queue.
func (f *DeadFilter) hasQueue(id QueueID) bool {
	return (f.Bus == "" || f.Bus == id.Bus) && (f.Rule == "" || f.Rule == id.Rule) && (f.Target == "" || f.Target == id.Target)
}

// ofQueues reports whether the filter selects all dead letters of the queues that it names,
// so that one need not be read to be selected.
func (f *DeadFilter) ofQueues() bool {
	return *f == DeadFilter{Bus: f.Bus, Rule: f.Rule, Target: f.Target}
}

// DeadLetters calls fn for the dead letters that the filter selects, by queue, then by
// seq, until fn returns false or ctx ends. A dead letter that is added or removed
// meanwhile may or may not be seen. Errors: an error that wraps kv.ErrCorrupt, after
// all others, for a dead letter that cannot be read.
func (q *Queues) DeadLetters(ctx context.Context, f DeadFilter, fn func(DeadLetter) bool) error {
	return q.scanDeadLetters(ctx, f, false, func(page deadPage) (bool, error) {
		for _, d := range page.letters {
			if !fn(d) {
				return false, nil
			}
		}
		return true, nil
	})
}

// deadLetters and deadBytes bound the dead letters that are read at once.
const (
	deadLetters = 500
	deadBytes   = 4 << 20
)

// A deadPage is what one read found of what a filter selects.
type deadPage struct {
	letters []DeadLetter
	damaged []DeadLetter // that cannot be read: queue and seq alone
}

// scanDeadLetters calls fn with what the filter selects, a page at a time. fn may
// remove what it is given: no iterator is open then, and the next page starts
// behind the last key that was read. Dead letters that cannot be read hold up no
// others: fn is given them, too, if damaged says so; else the first of them is the
// error, once all others were given to fn.
func (q *Queues) scanDeadLetters(ctx context.Context, f DeadFilter, damaged bool, fn func(deadPage) (bool, error)) (damage error) {
	r := kv.Prefix(f.prefix())
	for {
		var page deadPage
		looked, size := 0, 0
		it := q.store.Scan(r)
		for looked < deadLetters && size < deadBytes && it.Next() {
			looked++
			size += len(it.Value())
			r.Lower = append(slices.Clone(it.Key()), 0)
			d, err := decodeDead(it.Key(), it.Value())
			switch {
			case !f.hasQueue(d.Queue):
			case err == nil && f.has(&d):
				page.letters = append(page.letters, d)
			case err != nil && damaged && bytes.Equal(it.Key(), d.Queue.deadKey(d.Seq)):
				page.damaged = append(page.damaged, DeadLetter{Queue: d.Queue, Seq: d.Seq})
			case err != nil && damage == nil:
				damage = err
			}
		}
		if err := it.Close(); err != nil {
			return err
		}
		if len(page.letters)+len(page.damaged) > 0 {
			if more, err := fn(page); err != nil || !more {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if looked < deadLetters && size < deadBytes {
			return damage
		}
	}
}

// A RedriveResult counts what Redrive did.
type RedriveResult struct {
	Events   int `json:"events"`   // pending again
	NoTarget int `json:"homeless"` // still dead letters, because their target was removed
	NoEvent  int `json:"empty"`    // still dead letters, because they have no event
}

// Redrive makes the dead letters that the filter selects pending again, with no
// attempts counted and age zero. They are in no group, as later events of theirs
// were delivered before. Each batch of rows removes its dead letters, so a call
// that was interrupted can be repeated; progress, if not nil, is called after each batch. A
// letter that fails and comes back during the call is not redriven twice. Errors: as
// DeadLetters, those of the store.
func (q *Queues) Redrive(ctx context.Context, f DeadFilter, progress func(RedriveResult)) (RedriveResult, error) {
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	var sum RedriveResult
	err := q.scanDeadLetters(ctx, f, false, func(page deadPage) (bool, error) {
		err := q.redrivePage(page.letters, &sum)
		if progress != nil {
			progress(sum)
		}
		return ctx.Err() == nil, err
	})
	return sum, err
}

// WithoutRedrive calls fn while no dead letter becomes a row: what OldestPending
// returns inside fn stays true until fn returns.
func (q *Queues) WithoutRedrive(fn func() error) error {
	q.redriveMu.Lock()
	defer q.redriveMu.Unlock()
	return fn()
}

// redrivePage makes dead letters rows again, in one batch.
func (q *Queues) redrivePage(page []DeadLetter, sum *RedriveResult) error {
	q.redriveMu.Lock()
	defer q.redriveMu.Unlock()
	b := q.store.NewBatch()
	b.UseReserve()
	rows, restored := make([]*row, len(page)), make([]bool, len(page))
	for i := range page {
		d := &page[i]
		rows[i] = &row{seq: d.Seq, process: q.process, measuredAt: q.elapsed(), queuedAt: d.First, due: q.now(), code: d.Code, msg: d.Msg, history: d.History}
		if d.Event == nil {
			continue
		}
		// Outside the commit, as an event may be large. If the queue is removed
		// until then, retention removes the event again; if it is added, its dead
		// letter stays for the next call.
		if restored[i] = q.exists(d.Queue); restored[i] {
			q.opts.Restore(b, d.Queue.Bus, d.Seq, d.Event)
		}
	}
	var done RedriveResult
	// Inside the commit, where Remove runs, too: a queue that is there now counts
	// the row in this batch.
	b.Number(1, func(uint64) {
		q.mu.Lock()
		defer q.mu.Unlock()
		done = RedriveResult{}
		for i, d := range page {
			switch {
			case d.Event == nil:
				done.NoEvent++
			case !restored[i] || q.queues[d.Queue] == nil:
				done.NoTarget++
			default:
				done.Events++
				q.redriveRow(b, d.Queue, rows[i])
			}
		}
	})
	if _, err := q.store.Commit(b); err != nil {
		return err
	}
	sum.Events, sum.NoTarget, sum.NoEvent = sum.Events+done.Events, sum.NoTarget+done.NoTarget, sum.NoEvent+done.NoEvent
	for i, d := range page {
		q.noteRedriven(d.Queue, rows[i].due)
	}
	return nil
}

// redriveRow adds a row in place of its dead letter. It is called inside a commit,
// with mu held.
func (q *Queues) redriveRow(b *kv.Batch, id QueueID, r *row) {
	b.Delete(id.deadKey(r.seq))
	b.Set(id.rowKey(r.seq), r.stored())
	b.Set(id.waitKey(r.due, r.seq), nil)
	c := q.counts[id]
	c.DeadLettered--
	b.Set(id.countKey(), c.encode())
	q.oldest[id] = min(q.oldest[id], r.seq)
}

// exists reports whether a queue exists.
func (q *Queues) exists(id QueueID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queues[id] != nil
}

// noteRedriven tells the loop of a queue that a row waits that is due at a time
// which its loadDue may have passed.
func (q *Queues) noteRedriven(id QueueID, due time.Time) {
	q.mu.Lock()
	w := q.queues[id]
	q.mu.Unlock()
	if w == nil {
		return
	}
	w.mu.Lock()
	if w.redrivenDue.IsZero() || due.Before(w.redrivenDue) {
		w.redrivenDue = due
	}
	w.mu.Unlock()
	w.wake()
}

// Drop removes the dead letters that the filter selects, and counts them as
// dropped. It returns how many. Those that cannot be read go with all others of their
// queue, if the filter names no more than bus, rule and target. Errors: as Redrive.
func (q *Queues) Drop(ctx context.Context, f DeadFilter) (dropped int, err error) {
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	err = q.scanDeadLetters(ctx, f, f.ofQueues(), func(found deadPage) (bool, error) {
		page := slices.Concat(found.letters, found.damaged)
		b := q.store.NewBatch()
		b.UseReserve()
		for _, d := range page {
			b.Delete(d.Queue.deadKey(d.Seq))
		}
		b.Number(1, func(uint64) {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, d := range page {
				c := q.countsOf(d.Queue)
				c.DeadLettered--
				c.Dropped++
				b.Set(d.Queue.countKey(), c.encode())
			}
		})
		if _, err := q.store.Commit(b); err != nil {
			return false, err
		}
		dropped += len(page)
		return ctx.Err() == nil, nil
	})
	return dropped, err
}
