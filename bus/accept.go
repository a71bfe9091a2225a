package bus

import (
	"context"
	"fmt"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// An Outgoing event is on its way to a bus. It is complete: it has an id,
// account, region and time.
type Outgoing struct {
	Bus   string
	Event *event.Event
}

// Accept stores events, their delivery rows and the mark that the caller adds
// to the batch, all or none, durably (P5). There may be no events; the mark is
// stored even so. Errors: ErrBusNotFound, and event.ErrDetail for an event that
// no bus will ever take; then nothing is stored. It goes on while the disk is
// nearly full.
func (b *Buses) Accept(ctx context.Context, events []Outgoing, mark func(*kv.Batch)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	accepted := make([]*addition, len(events))
	for i, o := range events {
		if err := event.CheckDetail(o.Event.Detail); err != nil {
			return fmt.Errorf("bus: event %s %s: %w", o.Event.ID, o.Event.DetailType, err)
		}
		a, err := b.match(o.Bus, o.Event)
		if err != nil {
			return err
		}
		accepted[i] = a
	}
	batch := b.store.NewBatch()
	batch.UseReserve()
	b.add(batch, accepted)
	mark(batch)
	return b.commit(batch, accepted)
}

// An addition is an event that was matched, and the queues that get it.
type addition struct {
	Accepted
	life   *life // of its bus
	stored []byte
	copied *event.Event // for recent; nil if it is not to be remembered
	size   int          // of the envelope, in bytes
	queues []delivery.QueueID
	keep   []*archiveState // archives that keep it
}

// match decides which rules want an event whose detail was checked. The
// addition has the bus and the event even if that fails. Errors:
// ErrBusNotFound.
func (b *Buses) match(bus string, e *event.Event) (*addition, error) {
	a := &addition{Accepted: Accepted{Bus: bus, Event: e}}
	st, err := b.bus(bus)
	if err != nil {
		return a, err
	}
	a.life = st.life
	a.stored = e.AppendBinary(nil)
	if len(st.set.rules) == 0 {
		return a, nil
	}
	envelope := e.AppendJSON(nil)
	a.size = len(envelope)
	found, err := st.set.index.Match(envelope, nil)
	if err != nil {
		return a, err
	}
	for _, n := range found {
		r := st.set.rules[n]
		a.Rules = append(a.Rules, r.Name)
		a.queues = append(a.queues, r.queues...)
		if r.archive != nil && e.ReplayName == "" {
			a.keep = append(a.keep, r.archive)
		}
	}
	if len(a.queues) > 0 && len(a.stored) <= recentBytes {
		a.copied = copyOf(e)
	}
	return a, nil
}

// add puts events and their delivery rows into the batch; they get their
// numbers in the order given.
func (b *Buses) add(batch *kv.Batch, accepted []*addition) {
	batch.Number(len(accepted), func(first uint64) {
		var rows []delivery.Entry
		for i, a := range accepted {
			a.Seq = first + uint64(i)
			if a.life.over {
				continue // deleted with its bus
			}
			batch.Set(eventKey(a.Bus, a.Seq), a.stored)
			if a.copied != nil {
				b.recent.add(a.Bus, a.Seq, a.copied)
			}
			for _, q := range a.queues {
				rows = append(rows, delivery.Entry{Queue: q, Seq: a.Seq, Group: a.Event.Group})
			}
			for _, archive := range a.keep {
				archive.keep(batch, a)
			}
		}
		b.queues.Enqueue(batch, rows)
	})
}

// commit makes the batch durable and tells the queues and the observer.
func (b *Buses) commit(batch *kv.Batch, accepted []*addition) error {
	if _, err := b.store.Commit(batch); err != nil {
		return err
	}
	now := b.opts.Now()
	for _, a := range accepted {
		b.queues.Wake(a.queues...)
		a.Time = now
		b.opts.OnAccepted(a.Accepted)
	}
	return nil
}
