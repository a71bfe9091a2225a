package delivery

import "context"

// SendDead calls send with the dead letters that the filter selects and that have
// an event, and removes those that were sent; they stay counted as dead-lettered.
// It ends with the first error of send, and returns how many were sent. They are
// removed after they were sent, a page at a time: a crash in between sends up to a
// page again.
func (q *Queues) SendDead(ctx context.Context, f DeadFilter, send func(context.Context, DeadLetter) error) (sent int, err error) {
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	err = q.scanDeadLetters(ctx, f, func(page []DeadLetter) (bool, error) {
		b := q.store.NewBatch()
		b.UseReserve()
		n, failed := 0, error(nil)
		for i := range page {
			if page[i].Event == nil {
				continue
			}
			if failed = send(ctx, page[i]); failed != nil {
				break
			}
			b.Delete(page[i].Queue.deadKey(page[i].Seq))
			n++
		}
		if n == 0 {
			b.Close()
			return failed == nil, failed
		}
		sent += n
		if _, err := q.store.Commit(b); err != nil {
			return false, err
		}
		return failed == nil, failed
	})
	return sent, err
}
