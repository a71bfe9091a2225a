package cases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A Result is the result of one case.
type Result struct {
	Case config.Case
	// Problems say what differs; none means that the case holds.
	Problems []string
	Took     time.Duration
}

// Run runs cases against a file, each on empty tables of its own. A case that does
// not hold is no error: its Result has the problems.
func Run(ctx context.Context, f *config.File, cases []config.Case, account, region string) ([]Result, Coverage, error) {
	cover := newCoverage(f)
	out := make([]Result, len(cases))
	for i, c := range cases {
		began := time.Now()
		w, err := newWorld(f, account, region)
		if err != nil {
			return nil, cover, err
		}
		problems, err := w.run(ctx, c, cover)
		if err := errors.Join(err, w.store.Close()); err != nil {
			return nil, cover, fmt.Errorf("%s: test %s: %w", c.Place.Path, c.Name, err)
		}
		out[i] = Result{c, problems, time.Since(began)}
	}
	return out, cover, nil
}

// A world is the tables of a file, in memory.
type world struct {
	file    *config.File
	store   *kv.Store
	streams *stream.Streams
	tables  *table.Tables
	sets    map[string]*mapping.Set
	read    uint64 // position up to which changes were dealt with
}

func newWorld(f *config.File, account, region string) (*world, error) {
	w := &world{file: f, sets: map[string]*mapping.Set{}}
	var err error
	if w.store, err = kv.Open("data", kv.Options{FS: vfs.NewMem()}); err != nil {
		return nil, err
	}
	if w.streams, err = stream.Open(w.store, stream.Options{Account: account, Region: region}); err == nil {
		w.tables, err = table.Open(w.store, w.streams, table.Options{Account: account, Region: region})
	}
	if err != nil {
		return nil, errors.Join(err, w.store.Close())
	}
	for _, spec := range f.Tables {
		if _, err := w.tables.Create(spec); err != nil {
			return nil, errors.Join(err, w.store.Close())
		}
		o := f.Mapping(spec.Name)
		o.Account, o.Region = account, region
		w.sets[spec.Name] = mapping.NewSet(ofTable(f, spec.Name), o)
	}
	return w, nil
}

func ofTable(f *config.File, name string) (out []mapping.Definition) {
	for _, d := range f.Events {
		if d.Table == name {
			out = append(out, d)
		}
	}
	return out
}

// run does what a case says and compares. Errors of the tables are problems of
// the case.
func (w *world) run(ctx context.Context, c config.Case, cover Coverage) ([]string, error) {
	var got []raised
	for i, s := range append(c.Before[:len(c.Before):len(c.Before)], c.Given...) {
		if err := w.do(ctx, s); err != nil {
			return []string{fmt.Sprintf("%s %s: %v", s.Do, s.Table, err)}, nil
		}
		records, err := w.changes(s)
		if err != nil {
			return nil, err
		}
		for j := range records {
			verdicts := w.sets[s.Table].Explain(&records[j])
			cover.add(s.Table, verdicts)
			if i >= len(c.Before) {
				got = append(got, raisedBy(verdicts)...)
			}
		}
	}
	return w.compare(c.Expect, got), nil
}

// do makes one write.
func (w *world) do(ctx context.Context, s config.Step) error {
	switch s.Do {
	case "put":
		_, err := w.tables.Put(ctx, table.PutRequest{Table: s.Table, Item: s.Item})
		return err
	case "change":
		return w.change(ctx, s)
	}
	_, err := w.tables.Delete(ctx, table.DeleteRequest{Table: s.Table, Key: s.Key})
	return err
}

// change makes the item what it was, and then what it is.
func (w *world) change(ctx context.Context, s config.Step) error {
	if s.Old != nil {
		if _, err := w.tables.Put(ctx, table.PutRequest{Table: s.Table, Item: s.Old}); err != nil {
			return err
		}
		w.read = w.store.Durable()
	}
	if s.New != nil {
		_, err := w.tables.Put(ctx, table.PutRequest{Table: s.Table, Item: s.New})
		return err
	}
	d, err := w.tables.Describe(s.Table)
	if err == nil {
		_, err = w.tables.Delete(ctx, table.DeleteRequest{Table: s.Table, Key: d.Schema.Project(s.Old)})
	}
	return err
}

// changes returns the records that a step made.
func (w *world) changes(s config.Step) ([]stream.Record, error) {
	after := w.read
	w.read = w.store.Durable()
	var out []stream.Record
	for _, st := range w.streams.OfTable(s.Table) {
		page, err := st.Read(after, 10, 64<<20)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Records...)
	}
	for i := range out {
		out[i].Expired = s.Do == "expire"
	}
	return out, nil
}

// A raised is an event that a change raised, or the error that parked it.
type raised struct {
	event mapping.Raised
	err   error
}

// raisedBy returns what one change raised: all events, or the first error.
func raisedBy(verdicts []mapping.Verdict) (out []raised) {
	for _, v := range verdicts {
		if v.Err != nil {
			return []raised{{err: v.Err}}
		}
		for _, e := range v.Raised {
			out = append(out, raised{event: e})
		}
	}
	return out
}
