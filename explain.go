package tablecast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// ErrNoRelay means that the file declares no event from a table.
var ErrNoRelay = errors.New("tablecast: no event comes from the table")

// A Question selects changes among those that the streams of a table still have.
// The first of Seq, EventID and Key that is set counts.
type Question struct {
	Table   string    // with EventID it may be empty, which is each table that events come from
	Seq     string    // the sequence number of the change
	EventID string    // the id of an event that the change raises
	Key     item.Item // the key of the item: each change of it
}

// An Explanation is a change and what each definition in effect makes of it.
type Explanation struct {
	Record   *stream.Record
	Verdicts []mapping.Verdict
}

// Explain calls fn for the changes that a question selects, table by table and
// oldest first, until fn returns false. It reads the streams from their oldest
// record on and publishes nothing. Errors: ErrNoRelay, and that of ctx.
func (n *Node) Explain(ctx context.Context, q Question, fn func(Explanation) bool) error {
	f := n.Config()
	if f == nil {
		return ErrNoRelay
	}
	byTable := n.definitions(f)
	tables := slices.Sorted(maps.Keys(byTable))
	if q.Table != "" {
		tables = []string{q.Table}
	}
	for _, name := range tables {
		if len(byTable[name]) == 0 {
			return fmt.Errorf("%w: %s", ErrNoRelay, name)
		}
		set, more := n.set(f, name, byTable[name]), true
		err := n.changes(ctx, name, time.Time{}, func(r *stream.Record) bool {
			verdicts, ok := q.answer(set, r)
			more = !ok || fn(Explanation{r, verdicts})
			return more
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// answer reports whether the question selects a change, and explains it if so.
func (q *Question) answer(set *mapping.Set, r *stream.Record) ([]mapping.Verdict, bool) {
	switch {
	case q.Seq != "":
		if stream.FormatSeq(r.Seq) != q.Seq {
			return nil, false
		}
	case q.EventID != "":
		verdicts := set.Explain(r)
		raised := slices.ContainsFunc(verdicts, func(v mapping.Verdict) bool {
			return slices.ContainsFunc(v.Raised, func(e mapping.Raised) bool { return e.Event.ID == q.EventID })
		})
		return verdicts, raised
	case !item.EqualItems(r.Keys, q.Key):
		return nil, false
	}
	return set.Explain(r), true
}

// Change returns the change of a table with a sequence number as APIs write it; nil
// if no stream of the table has it any more.
func (n *Node) Change(table, sequence string) (*stream.Record, error) {
	seq, err := stream.ParseSeq(sequence)
	if err != nil || seq == 0 {
		return nil, err
	}
	for _, st := range n.streams.OfTable(table) {
		page, err := st.Read(seq-1, 1, readBytes)
		if errors.Is(err, stream.ErrTrimmed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(page.Records) == 1 && page.Records[0].Seq == seq {
			return &page.Records[0], nil
		}
	}
	return nil, nil
}

// Limits of one read of a stream.
const (
	readRecords = 256
	readBytes   = 4 << 20
)

// changes calls fn for the changes since a time that the streams of a table still
// have, stream by stream and oldest first, until fn returns false.
func (n *Node) changes(ctx context.Context, name string, since time.Time, fn func(*stream.Record) bool) error {
	for _, st := range n.streams.OfTable(name) {
		position := st.Trimmed()
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			page, err := st.Read(position, readRecords, readBytes)
			if errors.Is(err, stream.ErrTrimmed) {
				position = st.Trimmed()
				continue
			}
			if err != nil {
				return err
			}
			for i := range page.Records {
				if r := &page.Records[i]; !r.Time.Before(since) && !fn(r) {
					return nil
				}
			}
			if len(page.Records) == 0 {
				break
			}
			position = page.Next
		}
	}
	return nil
}

// A Difference is one thing that two versions of a mapping make differently of a
// change: an event, or that they park it.
type Difference struct {
	Record *stream.Record
	// Was is an event as the earlier version raises it, Is the same event as the
	// later one does; one is nil if only the other version raises the event.
	Was, Is *mapping.Raised
	// WasErr and IsErr are why the earlier and the later version park the change,
	// if only one of them does.
	WasErr, IsErr error
}

// DryRun compares what the file in effect and another one make of the changes since
// a time that the streams still have, and calls fn for each difference until fn
// returns false. With alone it compares with a file that raises nothing. It
// returns how many changes it looked at, and publishes nothing.
func (n *Node) DryRun(ctx context.Context, f *config.File, since time.Time, alone bool, fn func(Difference) bool) (looked int, err error) {
	was := n.Config()
	before, after := map[string][]mapping.Definition{}, n.definitions(f)
	if was != nil && !alone {
		before = n.definitions(was)
	} else {
		was = f
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	more := true
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, now := n.set(was, name, before[name]), n.set(f, name, after[name])
		err := n.changes(ctx, name, since, func(r *stream.Record) bool {
			looked++
			more = differences(r, old, now, fn)
			return more
		})
		if err != nil || !more {
			return looked, err
		}
	}
	return looked, nil
}

// differences calls fn for each difference between what two sets make of a change;
// false if fn returned false.
func differences(r *stream.Record, old, now *mapping.Set, fn func(Difference) bool) bool {
	every := func(string) bool { return true }
	was, wasErr := old.Apply(r, every)
	is, isErr := now.Apply(r, every)
	if (wasErr == nil) != (isErr == nil) && !fn(Difference{Record: r, WasErr: wasErr, IsErr: isErr}) {
		return false
	}
	later := make(map[string]*mapping.Raised, len(is))
	for i := range is {
		later[is[i].Event.ID] = &is[i]
	}
	for i := range was {
		e := later[was[i].Event.ID]
		delete(later, was[i].Event.ID)
		same := e != nil && sameEvent(&was[i], e, old.Version(), now.Version())
		if !same && !fn(Difference{Record: r, Was: &was[i], Is: e}) {
			return false
		}
	}
	for i := range is {
		if later[is[i].Event.ID] != nil && !fn(Difference{Record: r, Is: &is[i]}) {
			return false
		}
	}
	return true
}

// sameEvent reports whether two events are the same but for the version of the
// mapping.
func sameEvent(a, b *mapping.Raised, was, is string) bool {
	x, y := a.Event, b.Event
	return a.Bus == b.Bus && x.Source == y.Source && x.DetailType == y.DetailType && x.Group == y.Group && x.Time.Equal(y.Time) &&
		slices.Equal(x.Resources, y.Resources) && string(withoutVersion(x.Detail, was)) == string(withoutVersion(y.Detail, is))
}

// withoutVersion leaves the version of the mapping out of an envelope.
func withoutVersion(detail []byte, version string) []byte {
	if version == "" {
		return detail
	}
	return bytes.Replace(detail, []byte(`"`+version+`"`), []byte(`""`), 1)
}
