package delivery

import "github.com/tablecast/tablecast/kv"

// settleLimit bounds the transitions in one batch.
const settleLimit = 512

// A transition is how the end of an attempt changes its row: with retry set the
// row waits for another attempt, with dead set it becomes a dead letter, and with
// neither it was delivered and is removed.
type transition struct {
	queue *queue
	from  *row // as it is stored
	retry *row
	dead  *DeadLetter
}

// settle makes transitions durable until results is closed, as many per batch as
// have come in: one fsync serves all queues. After a failure, which it reports
// with fail at once and returns in the end, it discards what comes; the rows of
// discarded transitions are stored as they were and attempted again by the next
// Run.
func (q *Queues) settle(results <-chan transition, fail func(error)) (failed error) {
	for t := range results {
		group := append(make([]transition, 0, 8), t)
		for more := true; more && len(group) < settleLimit; {
			select {
			case t, ok := <-results:
				if more = ok; ok {
					group = append(group, t)
				}
			default:
				more = false
			}
		}
		if failed != nil {
			continue
		}
		if failed = q.commit(group); failed != nil {
			fail(failed)
		}
	}
	return failed
}

// commit applies the transitions in one batch and then reports them to their
// queues. A crash before the batch repeats the attempts, which is why a target
// may get an event twice; a crash after it repeats none.
func (q *Queues) commit(group []transition) error {
	b := q.store.NewBatch()
	b.UseReserve() // a full disk is emptied by delivering
	values := make([][]byte, len(group))
	for i, t := range group {
		values[i] = t.value() // outside the commit, which should be short
	}
	b.Number(1, func(uint64) {
		// Inside the commit, as are Enqueue, Remove and Redrive: counters and
		// rows change together in commit order (P6). Under mu as well, so that
		// Counts reads counters of one moment.
		q.mu.Lock()
		defer q.mu.Unlock()
		touched := map[QueueID]*Counts{}
		for i, t := range group {
			if t.queue.removed {
				continue // Remove has deleted the row and counted it as dropped
			}
			c := q.counts[t.queue.id]
			t.apply(b, values[i], c)
			touched[t.queue.id] = c
		}
		for id, c := range touched {
			b.Set(id.countKey(), c.encode())
		}
	})
	if _, err := q.store.Commit(b); err != nil {
		return err
	}
	// Only now may the queues forget the rows as busy, see collect, and the log that
	// processes ended at an event which is a dead letter: if that were lost, the event
	// would end two more.
	remembers := q.opts.Attempts.Remembers()
	for _, t := range group {
		if remembers && t.dead != nil {
			q.opts.Attempts.Passed(t.queue.id.inputName(t.from.seq))
		}
		t.queue.mu.Lock()
		t.queue.settled = append(t.queue.settled, t)
		t.queue.mu.Unlock()
		t.queue.wakeup.Set()
	}
	return nil
}

// value returns the stored form of the row or dead letter that the transition
// leaves; nil if it leaves neither.
func (t *transition) value() []byte {
	switch {
	case t.retry != nil:
		return t.retry.stored()
	case t.dead != nil:
		return t.dead.stored()
	}
	return nil
}

// apply adds the changes of the transition to the batch and the counters.
func (t *transition) apply(b *kv.Batch, value []byte, c *Counts) {
	id, seq := t.queue.id, t.from.seq
	if !t.from.due.IsZero() {
		b.Delete(id.waitKey(t.from.due, seq))
	}
	if t.retry != nil {
		b.Set(id.rowKey(seq), value)
		b.Set(id.waitKey(t.retry.due, seq), nil)
		return
	}
	b.Delete(id.rowKey(seq))
	if t.from.group != "" {
		b.Delete(id.groupKey(t.from.group, seq))
	}
	if t.dead == nil {
		c.Delivered++
		return
	}
	b.Set(id.deadKey(seq), value)
	c.DeadLettered++
}
