package delivery

import (
	"context"
	"errors"

	"github.com/tablecast/tablecast/kv"
)

// SendDead calls send with the dead letters that the filter selects and that have
// an event, and removes each once it was sent; they stay counted as dead-lettered.
// It ends with the first error of send, and returns how many were sent. A crash
// between the two sends one again. Errors: as Redrive, those of send.
func (q *Queues) SendDead(ctx context.Context, f DeadFilter, send func(context.Context, DeadLetter) error) (sent int, err error) {
	err = q.scanDeadLetters(ctx, f, false, func(page deadPage) (bool, error) {
		for i := range page.letters {
			if page.letters[i].Event == nil {
				continue
			}
			was, err := q.sendOne(ctx, &page.letters[i], send)
			if err != nil {
				return false, err
			}
			if was {
				sent++
			}
		}
		return true, nil
	})
	return sent, err
}

// sendOne sends a dead letter and removes it, unless it is gone. deadMu is held for
// this one call of send alone, so that an operator's Redrive or Drop waits for no
// more, and neither deals with the letter between the two.
func (q *Queues) sendOne(ctx context.Context, d *DeadLetter, send func(context.Context, DeadLetter) error) (sent bool, err error) {
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	key := d.Queue.deadKey(d.Seq)
	switch err := q.store.View(key, func([]byte) error { return nil }); {
	case errors.Is(err, kv.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := send(ctx, *d); err != nil {
		return false, err
	}
	b := q.store.NewBatch()
	b.UseReserve()
	b.Delete(key)
	_, err = q.store.Commit(b)
	return err == nil, err
}
