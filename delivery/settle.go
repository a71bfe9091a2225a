package delivery

import "github.com/tablecast/tablecast/kv"

// settleLimit bounds the outcomes in one batch.
const settleLimit = 512

// An outcome is what an attempt does to its row: with row set the row goes on
// waiting, with dead set it becomes a dead letter, with neither it was
// delivered.
type outcome struct {
	w    *queue
	old  *row // as it is stored
	row  *row
	dead *DeadLetter
}

// settle makes outcomes durable, as many as have come in per batch, until
// results is closed. After a failure, which it reports at once and returns, it
// discards the rest.
func (q *Queues) settle(results <-chan outcome, fail func(error)) (failed error) {
	for o := range results {
		group := append(make([]outcome, 0, 8), o)
		for more := true; more && len(group) < settleLimit; {
			select {
			case o, ok := <-results:
				if more = ok; ok {
					group = append(group, o)
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

// commit applies the outcomes in one batch and tells their queues.
func (q *Queues) commit(group []outcome) error {
	b := q.store.NewBatch()
	b.UseReserve()
	values := make([][]byte, len(group))
	for i, o := range group {
		values[i] = o.value()
	}
	b.Number(1, func(uint64) {
		q.mu.Lock()
		defer q.mu.Unlock()
		touched := map[QueueID]*Counts{}
		for i, o := range group {
			if o.w.removed {
				continue // Remove has dropped and counted the row
			}
			c := q.counts[o.w.id]
			o.apply(b, values[i], c)
			touched[o.w.id] = c
		}
		for id, c := range touched {
			b.Set(id.countKey(), c.encode())
		}
	})
	if _, err := q.store.Commit(b); err != nil {
		return err
	}
	for _, o := range group {
		o.w.mu.Lock()
		o.w.settled = append(o.w.settled, o)
		o.w.mu.Unlock()
		signal(o.w.woken)
	}
	return nil
}

// value encodes what the outcome stores.
func (o *outcome) value() []byte {
	switch {
	case o.row != nil:
		return o.row.append(nil)
	case o.dead != nil:
		return o.dead.append(nil)
	}
	return nil
}

// apply adds the outcome's changes to b and c.
func (o *outcome) apply(b *kv.Batch, value []byte, c *Counts) {
	id, seq := o.w.id, o.old.seq
	if !o.old.due.IsZero() {
		b.Delete(id.waitKey(o.old.due, seq))
	}
	if o.row != nil {
		b.Set(id.rowKey(seq), value)
		b.Set(id.waitKey(o.row.due, seq), nil)
		return
	}
	b.Delete(id.rowKey(seq))
	if o.old.group != "" {
		b.Delete(id.groupKey(o.old.group, seq))
	}
	if o.dead == nil {
		c.Delivered++
		return
	}
	b.Set(id.deadKey(seq), value)
	c.DeadLettered++
}
