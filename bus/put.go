package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/event"
)

// An Entry is what a producer says of an event.
type Entry struct {
	Bus        string
	Source     string
	DetailType string
	Detail     []byte // a JSON object
	Resources  []string
	Time       time.Time // zero for the time of the call
	Trace      string
	// Group orders the event among others of the group for targets that ask for
	// order. The default is no order.
	Group string
	// DeduplicationID, if not empty, makes the entry answer with the event that
	// the bus accepted under the same id within Options.DedupWindow, if there is
	// one, and be no event itself.
	DeduplicationID string
}

// event returns the event of the entry without what the bus gives to it.
func (e *Entry) event() *event.Event {
	return &event.Event{
		Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources, Time: e.Time, Trace: e.Trace, Group: e.Group,
	}
}

// check returns what is wrong with the entry by itself.
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

// A Result says what became of an entry: the id of its event, or an error.
type Result struct {
	ID        string
	Duplicate bool // the id is that of an earlier event
	Err       error
}

// Put stores the events of a producer durably, each with its deliveries, all of
// them in one commit. The results stand in the order of the entries; the error
// of one entry, one of those that errors.go lists for entries, does not concern
// the others. An entry for a bus that does not exist has an id like one that
// was stored, unless Options.StrictBus; see invariant 5. An error of the call
// means that nothing was stored: ErrPutCount, ErrPutSize, kv.ErrDiskFull.
func (b *Buses) Put(ctx context.Context, entries []Entry) ([]Result, error) {
	if err := b.admit(ctx, entries); err != nil {
		return nil, err
	}
	ids := publications(entries)
	defer b.publishing.lock(ids)()
	results := make([]Result, len(entries))
	used := make(map[publication]string, len(ids)) // the deduplication ids, by event
	var accepted []*addition
	for i := range entries {
		e := &entries[i]
		if results[i].Err = e.check(); results[i].Err != nil {
			continue
		}
		id := publication{e.Bus, e.DeduplicationID}
		if first, err := b.first(id, used); err != nil {
			return nil, err
		} else if first != "" {
			results[i] = Result{ID: first, Duplicate: true}
			continue
		}
		a, err := b.match(e.Bus, b.stamp(e.event()))
		switch {
		case errors.Is(err, ErrBusNotFound):
			results[i] = b.lose(a, err)
		case err != nil:
			return nil, err
		default:
			results[i].ID = a.Event.ID
			if id.id != "" {
				used[id] = a.Event.ID
			}
			accepted = append(accepted, a)
		}
	}
	if len(accepted) == 0 {
		return results, nil
	}
	batch := b.store.NewBatch()
	b.add(batch, accepted)
	for _, id := range ids {
		if event := used[id]; event != "" {
			b.remember(batch, id, event)
		}
	}
	if err := b.commit(batch, accepted); err != nil {
		return nil, err
	}
	return results, nil
}

// admit returns why the entries as a whole are refused, or nil.
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

// stamp gives an event what its first bus gives: id, account, region and, if it
// has none, the time.
func (b *Buses) stamp(e *event.Event) *event.Event {
	e.ID, e.Account, e.Region = uuid.NewString(), b.opts.Account, b.opts.Region
	if e.Time.IsZero() {
		e.Time = b.opts.Now().UTC()
	}
	return e
}

// lose answers for an event whose bus does not exist.
func (b *Buses) lose(a *addition, err error) Result {
	b.lost.Add(1)
	b.opts.Logger.Error("bus: event for a bus that does not exist", "bus", a.Bus, "source", a.Event.Source,
		"detailType", a.Event.DetailType, "id", a.Event.ID, "refused", b.opts.StrictBus)
	if b.opts.StrictBus {
		return Result{Err: err}
	}
	return Result{ID: a.Event.ID}
}

// Lost returns how many events Put was given for buses that do not exist, since
// Open.
func (b *Buses) Lost() uint64 { return b.lost.Load() }
