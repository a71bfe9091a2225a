package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/event"
)

// An Entry is an event as its producer gives it to Put.
type Entry struct {
	Bus        string
	Source     string
	DetailType string
	Detail     []byte // a JSON object
	Resources  []string
	Time       time.Time // zero for the time of the call
	Trace      string
	// Group is the ordering key: ordered targets get the events of one group one
	// after the other. The default is no order.
	Group string
	// DeduplicationID works as that of an SQS FIFO queue: if the bus accepted an
	// event under the same id within Options.DedupWindow, the entry is a
	// duplicate; it is not stored, and its result has the id of that event.
	// Empty means no deduplication.
	DeduplicationID string
}

// event returns the entry as an event, without what stamp sets.
func (e *Entry) event() *event.Event {
	return &event.Event{
		Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources, Time: e.Time, Trace: e.Trace, Group: e.Group,
	}
}

// check returns what is wrong with the entry, or nil. It is the one place where
// a detail of Put is validated.
func (e *Entry) check() error {
	switch {
	case e.Source == "":
		return ErrNoSource
	case e.DetailType == "":
		return ErrNoDetailType
	case len(e.Detail) == 0:
		return ErrNoDetail
	case e.Time.Year() < 0 || e.Time.Year() > 9999:
		return ErrTime
	case strings.HasPrefix(e.Source, "aws."):
		return ErrReservedSource
	}
	return event.CheckDetail(e.Detail)
}

// A Result is the answer for one entry: the id of its event, or an error.
type Result struct {
	ID        string
	Duplicate bool // ID is that of an earlier event with the same deduplication id
	Err       error
}

// Put is PutEvents: it stores events and their delivery rows in one durable
// batch. The results stand in the order of the entries. An entry with an error,
// one of those that errors.go lists for entries, does not affect the others. One
// that does not fit into the batch beside those ahead of it has ErrBatchFull;
// smaller ones behind it may fit. An
// entry for a bus that does not exist gets an id as if it had been stored,
// unless Options.StrictBus; see invariant 5. An error of the call means that
// nothing was stored: ErrPutCount, ErrPutSize, kv.ErrDiskFull.
func (b *Buses) Put(ctx context.Context, entries []Entry) ([]Result, error) {
	if err := b.admit(ctx, entries); err != nil {
		return nil, err
	}
	defer b.dedupLocks.lock(dedupKeys(entries))()
	results := make([]Result, len(entries))
	used := map[dedupKey]*routed{} // events of this call by their deduplication ids
	var accepted []*routed
	size := 0
	for i := range entries {
		e := &entries[i]
		if results[i].Err = e.check(); results[i].Err != nil {
			continue
		}
		id := dedupKey{e.Bus, e.DeduplicationID}
		if original, err := b.duplicateOf(id, used); err != nil {
			return nil, err
		} else if original != "" {
			results[i] = Result{ID: original, Duplicate: true}
			continue
		}
		a, err := b.route(e.Bus, b.stamp(e.event()))
		switch {
		case errors.Is(err, ErrBusNotFound):
			results[i] = b.unknownBus(a, err)
		case err != nil: // the event cannot be matched
			results[i].Err = err
		case a.bytes() > b.opts.maxBatch:
			results[i].Err = ErrBatchSize
		case size+a.bytes() > b.opts.maxBatch:
			results[i].Err = ErrBatchFull
		default:
			size += a.bytes()
			results[i].ID = a.Event.ID
			if id.id != "" {
				used[id] = a
			}
			accepted = append(accepted, a)
		}
	}
	if len(accepted) == 0 {
		return results, nil
	}
	batch := b.store.NewBatch()
	b.addRouted(batch, accepted)
	b.addDedup(batch, used)
	if err := b.commit(batch, accepted); err != nil {
		return nil, err
	}
	return results, nil
}

// admit returns why the call as a whole is refused, or nil.
func (b *Buses) admit(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 || len(entries) > event.MaxPutEntries {
		return ErrPutCount
	}
	size := 0
	for i := range entries {
		e := &entries[i]
		size += e.event().Size(!e.Time.IsZero())
	}
	if size > b.opts.MaxPutBytes {
		return ErrPutSize
	}
	return ctx.Err()
}

// stamp sets what the first bus of an event gives it: id, account, region and,
// if the producer gave none, the time.
func (b *Buses) stamp(e *event.Event) *event.Event {
	e.ID, e.Account, e.Region = uuid.NewString(), b.opts.Account, b.opts.Region
	if e.Time.IsZero() {
		e.Time = b.opts.Now().UTC()
	}
	return e
}

// unknownBus counts and logs an event whose bus does not exist, and returns the
// result of its entry.
func (b *Buses) unknownBus(a *routed, err error) Result {
	b.lost.Add(1)
	b.opts.Logger.Error("bus: event for a bus that does not exist", "bus", a.Bus, "source", a.Event.Source,
		"detailType", a.Event.DetailType, "event", a.Event.ID, "refused", b.opts.StrictBus)
	if b.opts.StrictBus {
		return Result{Err: err}
	}
	return Result{ID: a.Event.ID}
}

// Lost returns how many events Put was given for buses that do not exist, since
// Open.
func (b *Buses) Lost() uint64 { return b.lost.Load() }
