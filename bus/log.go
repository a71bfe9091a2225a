package bus

import (
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

func eventKey(bus string, seq uint64) kv.Key { return kv.NewKey('e').String(bus).Uint64(seq) }

// Event returns the event that a bus stored under seq, for programs that have a
// store but no Buses. An error that wraps kv.ErrNotFound means that the event is
// past its retention.
func Event(store *kv.Store, bus string, seq uint64) (e *event.Event, err error) {
	err = store.View(eventKey(bus, seq), func(v []byte) (err error) {
		e, err = event.DecodeBinary(v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bus: event %d of bus %s: %w", seq, bus, err)
	}
	return e, nil
}

// Event returns the event that a bus stored under seq, as the function Event
// does. It may come from a cache: callers must not change it.
func (b *Buses) Event(bus string, seq uint64) (*event.Event, error) {
	if e := b.cache.find(bus, seq); e != nil {
		return e, nil
	}
	return Event(b.store, bus, seq)
}

// Restore stores an event again that a dead letter kept, with the batch, so that
// Event finds it. It stays while a delivery of it is pending.
func Restore(b *kv.Batch, bus string, seq uint64, e *event.Event) {
	b.Set(eventKey(bus, seq), e.AppendBinary(nil))
}

// Events calls fn for the durable events of a bus with a seq above after, in
// order, until fn returns false.
func (b *Buses) Events(bus string, after uint64, fn func(seq uint64, e *event.Event) bool) error {
	durable := b.store.Durable() // before the scan, which then sees all up to it
	it := b.store.Scan(kv.Range{Lower: eventKey(bus, after+1), Upper: eventKey(bus, durable+1)})
	for it.Next() {
		seq := keySeq(it.Key())
		e, err := event.DecodeBinary(it.Value())
		if err != nil {
			return errors.Join(fmt.Errorf("bus: event %d of bus %s: %w", seq, bus, err), it.Close())
		}
		if !fn(seq, e) {
			break
		}
	}
	return it.Close()
}
