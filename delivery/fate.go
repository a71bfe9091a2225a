package delivery

import (
	"errors"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// What a queue knows of an event, as a Fate's State.
const (
	FatePending = "pending"
	FateDead    = "dead-lettered"
)

// A Fate is where an event is in one queue.
type Fate struct {
	// State is one of the constants, or empty: then the event was delivered or
	// dropped, or never was in the queue.
	State string
	// Attempts counts those that failed, History tells of them.
	Attempts int
	History  History
	// Due is when the next attempt is due; zero if none waits.
	Due time.Time
}

// Fate returns where the event is that a bus stored under seq.
func (q *Queues) Fate(id QueueID, seq uint64) (f Fate, err error) {
	err = q.store.View(id.rowKey(seq), func(v []byte) error {
		r, err := decodeRow(seq, v)
		if err == nil {
			f = Fate{FatePending, r.attempts, r.history, r.due}
		}
		return err
	})
	if !errors.Is(err, kv.ErrNotFound) {
		return f, err
	}
	err = q.store.View(id.deadKey(seq), func(v []byte) error {
		d, err := decodeDead(id.deadKey(seq), v)
		if err == nil {
			f = Fate{FateDead, d.Attempts, d.History, time.Time{}}
		}
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return Fate{}, nil
	}
	return f, err
}
