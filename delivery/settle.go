package delivery

import "github.com/tablecast/tablecast/kv"

// settleLimit bounds the outcomes in one batch.
const settleLimit = 512

// An outcome is what an attempt does to its row: with row set the row goes on
// waiting, with dead set it becomes a dead letter, with neither it was
// delivered.
type transition struct {
	queue *queue
	from  *row // as it is stored
	retry *row
	dead  *DeadLetter
}

// settle makes outcomes durable, as many as have come in per batch, until
// results is closed. After a failure, which it reports at once and returns, it
// discards the rest.
func (q *Queues) settle(results <-chan transition, fail func(error)) (failed error) {
	for o := range results {
		group := append(make([]transition, 0, 8), o)
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
func (q *Queues) commit(group []transition) error {
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
			if o.queue.removed {
				continue // Remove has dropped and counted the row
			}
			c := q.counts[o.queue.id]
			o.apply(b, values[i], c)
			touched[o.queue.id] = c
		}
		for id, c := range touched {
			b.Set(id.countKey(), c.encode())
		}
	})
	if _, err := q.store.Commit(b); err != nil {
		return err
	}
	for _, o := range group {
		o.queue.mu.Lock()
		o.queue.settled = append(o.queue.settled, o)
		o.queue.mu.Unlock()
		signal(o.queue.wakeup)
	}
	return nil
}

// value encodes what the outcome stores.
func (o *transition) value() []byte {
	switch {
	case o.retry != nil:
		return o.retry.append(nil)
	case o.dead != nil:
		return o.dead.append(nil)
	}
	return nil
}

// apply adds the outcome's changes to b and c.
func (o *transition) apply(b *kv.Batch, value []byte, c *Counts) {
	id, seq := o.queue.id, o.from.seq
	if !o.from.due.IsZero() {
		b.Delete(id.waitKey(o.from.due, seq))
	}
	if o.retry != nil {
		b.Set(id.rowKey(seq), value)
		b.Set(id.waitKey(o.retry.due, seq), nil)
		return
	}
	b.Delete(id.rowKey(seq))
	if o.from.group != "" {
		b.Delete(id.groupKey(o.from.group, seq))
	}
	if o.dead == nil {
		c.Delivered++
		return
	}
	b.Set(id.deadKey(seq), value)
	c.DeadLettered++
}
