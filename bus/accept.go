package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

// An Outgoing event is one that a relay hands to a bus. It is complete: it has
// an id, account, region and time, and its detail is a JSON object that
// event.CheckDetail accepts or that an encoder has just written.
type Outgoing struct {
	Bus   string
	Event *event.Event
}

// Accept stores events, their delivery rows and what position adds to the batch,
// which is the caller's own position, in one durable batch: all or none (P5).
// There may be no events; position is stored even so. Accept does not check
// details again; see Outgoing. It uses the reserve of a disk that is nearly
// full.
//
// Errors that concern one event, so that another try cannot help:
// ErrBusNotFound, pattern.ErrAmbiguous, and event.ErrDetail for a detail that
// rules cannot read. ErrBatchSize concerns all events together: another try must
// have fewer. Nothing is stored then.
func (b *Buses) Accept(ctx context.Context, events []Outgoing, position func(*kv.Batch)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	accepted := make([]*routed, len(events))
	size := 0
	for i, o := range events {
		a, err := b.route(o.Bus, o.Event)
		if err != nil {
			return err
		}
		accepted[i] = a
		if size += a.bytes(); size > b.opts.maxBatch {
			return fmt.Errorf("%w: event %d of %d and those before it come to %d bytes in archives and in rows of targets, and a batch takes %d; fewer rules and archives should match, or the change should raise fewer events",
				ErrBatchSize, i+1, len(events), size, b.opts.maxBatch)
		}
	}
	batch := b.store.NewBatch()
	batch.UseReserve()
	b.addRouted(batch, accepted)
	position(batch)
	return b.commit(batch, accepted)
}

// A routed event is one that the rules of its bus were matched against, with the
// queues and archives that get it.
type routed struct {
	Accepted
	tombstone     *tombstone // of its bus
	encoded       []byte
	cacheable     *event.Event // copy for the cache; nil if the event is not to be cached
	envelopeBytes int
	queues        []delivery.QueueID
	archives      []*archiveState
}

// rowBytes is about how much the delivery row of an event takes in a batch.
const rowBytes = 256

// bytes returns about how much the event takes in a batch: itself, each copy for an
// archive, and each row. One small event may have thousands of those.
func (a *routed) bytes() int {
	return len(a.encoded)*(1+len(a.archives)) + len(a.queues)*(rowBytes+2*len(a.Event.Group))
}

// route matches an event whose detail was checked against the rules of a bus.
// The result has the bus and the event even if that fails. Errors:
// ErrBusNotFound, pattern.ErrAmbiguous, event.ErrDetail.
func (b *Buses) route(bus string, e *event.Event) (*routed, error) {
	a := &routed{Accepted: Accepted{Bus: bus, Event: e}}
	// One load of the catalog: rules, queues, archives and the tombstone are
	// those of one moment, however the bus changes until the commit.
	st, err := b.bus(bus)
	if err != nil {
		return a, err
	}
	a.tombstone = st.tombstone
	a.encoded = e.AppendBinary(nil)
	if len(st.set.rules) == 0 {
		return a, nil
	}
	envelope := e.AppendJSON(nil)
	a.envelopeBytes = len(envelope)
	found, err := st.set.index.Match(envelope, nil)
	if err != nil {
		if !errors.Is(err, pattern.ErrAmbiguous) {
			err = fmt.Errorf("%w: %w", event.ErrDetail, err)
		}
		return a, fmt.Errorf("bus: event %s %s: %w", e.ID, e.DetailType, err)
	}
	for _, n := range found {
		r := st.set.rules[n]
		a.Rules = append(a.Rules, r.Name)
		a.queues = append(a.queues, r.queues...)
		if r.archive != nil && e.ReplayName == "" {
			a.archives = append(a.archives, r.archive)
		}
	}
	if len(a.queues) > 0 && len(a.encoded) <= cacheEventBytes {
		a.cacheable = copyOf(e)
	}
	return a, nil
}

// addRouted adds events, their delivery rows and their archive entries to the
// batch. They get sequence numbers in the order given.
func (b *Buses) addRouted(batch *kv.Batch, accepted []*routed) {
	// The fill runs inside the commit, under the store's commit lock, as do
	// those of Delete, DeleteArchive and Queues.Remove. So each of the three is
	// wholly before or wholly after this batch: nothing is written for a bus or
	// archive whose deletion was committed between route and now, and Enqueue
	// counts the rows of a removed queue as dropped.
	batch.Number(len(accepted), func(first uint64) {
		var rows []delivery.Entry
		for i, a := range accepted {
			a.Seq = first + uint64(i)
			if a.tombstone.deleted {
				continue
			}
			batch.Set(eventKey(a.Bus, a.Seq), a.encoded)
			if a.cacheable != nil {
				// Before the rows exist, so that no delivery misses the cache.
				// If the commit fails nobody asks for the number.
				b.cache.add(a.Bus, a.Seq, a.cacheable)
			}
			for _, q := range a.queues {
				rows = append(rows, delivery.Entry{Queue: q, Seq: a.Seq, Group: a.Event.Group})
			}
			for _, archive := range a.archives {
				archive.append(batch, a)
			}
		}
		b.queues.Enqueue(batch, rows) // once, as it writes each counter once
	})
}

// commit makes the batch durable. Only then it wakes the queues and calls the
// observer, neither of which may learn of an event earlier (P2).
func (b *Buses) commit(batch *kv.Batch, accepted []*routed) error {
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
