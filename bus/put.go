package bus

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// An Outgoing event is on its way to a bus.
type Outgoing struct {
	Bus   string
	Event *event.Event
}

// Accept stores events, their delivery rows and the mark that the caller adds
// to the batch, all or none, durably (P5). The event of a bus that does not
// exist fails the call with ErrBusNotFound.
func (b *Buses) Accept(_ context.Context, events []Outgoing, mark func(*kv.Batch)) error {
	batch := b.store.NewBatch()
	batch.UseReserve()
	accepted, err := b.add(batch, events)
	if err != nil {
		batch.Close()
		return err
	}
	mark(batch)
	return b.commit(batch, accepted)
}

// An addition is an event in a batch, and the queues that get it.
type addition struct {
	Accepted
	queues []delivery.QueueID
}

// add matches the events and puts them into the batch with their rows.
func (b *Buses) add(batch *kv.Batch, events []Outgoing) ([]*addition, error) {
	out := make([]*addition, len(events))
	for i, o := range events {
		st, err := b.get(o.Bus)
		if err != nil {
			return nil, err
		}
		rules, err := st.live.Load().match(o.Event)
		if err != nil {
			return nil, err
		}
		a := &addition{Accepted: Accepted{Bus: o.Bus, Event: o.Event}}
		for _, r := range rules {
			a.Rules = append(a.Rules, r.Name)
			for t := range r.Targets {
				a.queues = append(a.queues, r.queue(t))
			}
		}
		stored := o.Event.AppendBinary(nil)
		batch.Number(1, func(seq uint64) {
			a.Seq = seq
			batch.Set(eventKey(o.Bus, seq), stored)
			for _, q := range a.queues {
				b.queues.Enqueue(batch, q, seq, o.Event.Group)
			}
		})
		out[i] = a
	}
	return out, nil
}

// commit makes the batch durable and tells the queues and the observer.
func (b *Buses) commit(batch *kv.Batch, accepted []*addition) error {
	if _, err := b.store.Commit(batch); err != nil {
		return err
	}
	for _, a := range accepted {
		b.opts.OnAccepted(a.Accepted)
		b.queues.Wake(a.queues...)
	}
	return nil
}

// Put stores the events that a caller sent, durably. An event of a bus that
// does not exist is not stored: EventBridge does not tell its sender, so it is
// counted and logged here. Errors: kv.ErrDiskFull.
func (b *Buses) Put(_ context.Context, events []Outgoing) error {
	known := make([]Outgoing, 0, len(events))
	for _, o := range events {
		if _, err := b.get(o.Bus); errors.Is(err, ErrBusNotFound) {
			b.lost.Add(1)
			b.opts.Logger.Error("bus: event sent to a bus that does not exist is lost",
				"bus", o.Bus, "source", o.Event.Source, "detailType", o.Event.DetailType, "id", o.Event.ID)
			continue
		}
		known = append(known, o)
	}
	if len(known) == 0 {
		return nil
	}
	batch := b.store.NewBatch()
	accepted, err := b.add(batch, known)
	if err != nil {
		batch.Close()
		return err
	}
	return b.commit(batch, accepted)
}

// New fills in what the bus gives to an event: id, account, region and, if it
// has none, the time.
func (b *Buses) New(e *event.Event) {
	e.ID, e.Account, e.Region = event.NewID(), b.opts.Account, b.opts.Region
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
}

// Event returns the event that a bus stored under seq. An error that wraps
// kv.ErrNotFound says that its retention has passed.
func Event(store *kv.Store, bus string, seq uint64) (e *event.Event, err error) {
	err = store.View(eventKey(bus, seq), func(v []byte) (err error) {
		e, err = event.DecodeBinary(v)
		return err
	})
	return e, err
}

// Events calls fn for the durable stored events of a bus after the position, in
// order, until fn returns false.
func (b *Buses) Events(bus string, after uint64, fn func(seq uint64, e *event.Event) bool) error {
	prefix := kv.NewKey('e').String(bus)
	it := b.store.Scan(kv.Range{Lower: eventKey(bus, after+1), Upper: eventKey(bus, b.store.Durable()+1)})
	for it.Next() {
		e, err := event.DecodeBinary(it.Value())
		if err != nil {
			it.Close()
			return err
		}
		if !fn(kv.ReadKey(append([]byte{0}, it.Key()[len(prefix):]...)).Uint64(), e) {
			break
		}
	}
	return it.Close()
}

// trim removes the events of a bus that were stored before cutoff and that no
// delivery waits for.
func (b *Buses) trim(bus string, cutoff time.Time) error {
	stored := b.store.Durable() // first: a row added from here on is of a later event
	bound, pending, err := b.queues.OldestPending(bus)
	if err != nil {
		return err
	}
	var upTo uint64
	err = b.Events(bus, 0, func(seq uint64, e *event.Event) bool {
		if seq > stored || !e.Time.Before(cutoff) || pending && seq >= bound {
			return false
		}
		upTo = seq
		return true
	})
	if err != nil || upTo == 0 {
		return err
	}
	return b.save(func(batch *kv.Batch) { batch.DeleteRange(eventKey(bus, 0), eventKey(bus, upTo+1)) })
}
