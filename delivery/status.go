package delivery

import (
	"errors"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// Values of Status.State.
const (
	StatusPending      = "pending"
	StatusDeadLettered = "dead-lettered"
)

// A Status says whether an event is pending or dead-lettered in one queue.
type Status struct {
	// State is StatusPending or StatusDeadLettered. It is empty if the queue no
	// longer holds the event, because it was delivered or dropped, or never
	// held it.
	State string
	// Attempts counts the failed attempts.
	Attempts int
	// History describes the failed attempts.
	History History
	// Due is when the next retry is due; zero before the first attempt and for
	// a dead letter.
	Due time.Time
}

// Status returns the status in a queue of the event that a bus stored under seq.
func (q *Queues) Status(id QueueID, seq uint64) (f Status, err error) {
	err = q.store.View(id.rowKey(seq), func(v []byte) error {
		r, err := decodeRow(seq, v)
		if err == nil {
			f = Status{StatusPending, r.attempts, r.history, r.due}
		}
		return err
	})
	if !errors.Is(err, kv.ErrNotFound) {
		return f, err
	}
	err = q.store.View(id.deadKey(seq), func(v []byte) error {
		d, err := decodeDead(id.deadKey(seq), v)
		if err == nil {
			f = Status{StatusDeadLettered, d.Attempts, d.History, time.Time{}}
		}
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return Status{}, nil
	}
	return f, err
}
