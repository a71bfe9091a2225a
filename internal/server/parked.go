package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
)

// parkedIn is a parking.Selection as requests have it; what is empty has any
// record.
type parkedIn struct {
	Table    string         `json:"table"`
	Event    string         `json:"event"`
	Mapping  string         `json:"mapping"` // UUID, or the name of a function
	Key      jsontext.Value `json:"key"`     // plain JSON, or DynamoDB's
	Seqs     []string       `json:"sequenceNumbers"`
	Since    time.Time      `json:"since"`
	Before   time.Time      `json:"before"`
	Original bool           `json:"original"` // of redrive: by the mapping that parked each
}

func (in *parkedIn) selection() (sel parking.Selection, err error) {
	sel = parking.Selection{Table: in.Table, Event: in.Event, Mapping: in.Mapping, Seqs: in.Seqs, Since: in.Since, Before: in.Before}
	sel.Key, err = keyOf(in.Key)
	if err == nil && in.Event != "" && in.Mapping != "" {
		err = badRequest("an event is not of a mapping of a function: name one of them")
	}
	return sel, err
}

// keyOf reads the key of an item; nil if there is none.
func keyOf(text jsontext.Value) (item.Item, error) {
	if text == nil {
		return nil, nil
	}
	key, err := item.ParseKey(text)
	if err != nil {
		return nil, badRequest("key: " + err.Error())
	}
	return key, nil
}

// A lot is what parks records: the relay of a table, or an event source mapping.
type lot struct {
	Table    string `json:"table"`
	Mapping  string `json:"mapping,omitzero"` // UUID
	Function string `json:"function,omitzero"`
}

// lots returns those that may have records of a selection. What the selection
// names and is not there is the client's mistake.
func (a administration) lots(sel parking.Selection) (out []lot, err error) {
	if sel.Table != "" {
		if _, err := a.node.Tables().Describe(sel.Table); err != nil {
			return nil, badRequest("no table is called " + sel.Table)
		}
	}
	if sel.Mapping == "" {
		for _, r := range a.node.Relays() {
			if sel.Table == "" || sel.Table == r.Table {
				out = append(out, lot{Table: r.Table})
			}
		}
	}
	known := sel.Mapping == ""
	for _, s := range a.node.EventSources().List("", math.MaxInt) {
		if sel.Event != "" || sel.Mapping != "" && sel.Mapping != s.UUID && sel.Mapping != s.Function {
			continue
		}
		known = true
		x := lot{Mapping: s.UUID, Function: s.Function}
		if st, err := a.node.Streams().Get(s.Stream); err == nil {
			x.Table = st.Table()
		}
		if sel.Table == "" || x.Table == "" || sel.Table == x.Table {
			out = append(out, x)
		}
	}
	switch {
	case !known:
		return nil, badRequest("no event source mapping is called " + sel.Mapping + ", and none has a function of that name")
	case sel.Event != "" && !a.defines(sel.Event):
		return nil, badRequest("no event is called " + sel.Event)
	}
	return out, nil
}

// idle returns the tables that have no relay, since the file has no events of theirs,
// of a selection. What they parked before is listed; it cannot be redriven or dropped
// until an event is declared.
func (a administration) idle(sel parking.Selection) (out []lot) {
	if sel.Mapping != "" {
		return nil
	}
	names, _ := a.node.Tables().List("", math.MaxInt)
	for _, name := range names {
		if a.node.Relay(name) == nil && (sel.Table == "" || sel.Table == name) {
			out = append(out, lot{Table: name})
		}
	}
	return out
}

// defines reports whether an event of a name is defined, or parks a record still.
func (a administration) defines(event string) bool {
	all := a.idle(parking.Selection{})
	for _, r := range a.node.Relays() {
		all = append(all, lot{Table: r.Table})
	}
	for _, x := range all {
		if r := a.node.Relay(x.Table); r != nil && r.Defines(event) {
			return true
		}
		found := false
		err := a.node.Parked(context.Background(), x.Table, parking.Selection{Event: event}, func(*parking.Record) bool {
			found = true
			return false
		})
		if found || err != nil && !errors.Is(err, parking.ErrNoMatch) {
			return true
		}
	}
	return false
}

// across calls fn for those that may have records of a request's selection; idle
// includes the tables that have no relay.
func (a administration) across(in parkedIn, idle bool, fn func(lot, parking.Selection) error) error {
	sel, err := in.selection()
	if err != nil {
		return err
	}
	lots, err := a.lots(sel)
	if err != nil {
		return err
	}
	if idle {
		lots = append(lots, a.idle(sel)...)
	}
	if len(lots) == 0 && !sel.IsZero() {
		return parking.ErrNoMatch
	}
	return parking.Across(lots, func(x lot) error { return fn(x, sel) })
}

// parked answers a parked record a line.
func (a administration) parked(ctx context.Context, in parkedIn, out *lines) error {
	put := func(p *parking.Record) bool { return ctx.Err() == nil && out.put(p) }
	return a.across(in, true, func(x lot, sel parking.Selection) error {
		if x.Mapping != "" {
			return a.node.EventSources().Parked(ctx, x.Mapping, sel, put)
		}
		return a.node.Parked(ctx, x.Table, sel, put)
	})
}

// redrive answers {"table": …, "records": …, "events": …, "failed": …, "waiting":
// …}, with "mapping" and "function" for a mapping, now and then, and for each table
// and mapping at its end.
func (a administration) redrive(ctx context.Context, in parkedIn, out *lines) error {
	return a.across(in, false, func(x lot, sel parking.Selection) (err error) {
		progress := func(d parking.Redriven) {
			out.put(struct {
				lot
				parking.Redriven
			}{x, d})
		}
		if x.Mapping != "" {
			_, err = a.node.EventSources().Redrive(ctx, x.Mapping, sel, in.Original, progress)
		} else {
			_, err = a.node.Relay(x.Table).Redrive(ctx, sel, in.Original, progress)
		}
		return x.name(err)
	})
}

// drop answers {"table": …, "dropped": …}, with "mapping" and "function" for a
// mapping, for each table and mapping that has what is dropped.
func (a administration) drop(ctx context.Context, in parkedIn, out *lines) error {
	return a.across(in, false, func(x lot, sel parking.Selection) (err error) {
		n := 0
		if x.Mapping != "" {
			n, err = a.node.EventSources().Drop(ctx, x.Mapping, sel)
		} else {
			n, err = a.node.Relay(x.Table).Drop(ctx, sel)
		}
		if n > 0 {
			out.put(struct {
				lot
				Dropped int `json:"dropped"`
			}{x, n})
		}
		return x.name(err)
	})
}

// name says of which lot an error is, where there may be several.
func (x lot) name(err error) error {
	switch {
	case err == nil || errors.Is(err, parking.ErrNoMatch):
		return err
	case x.Mapping != "":
		return fmt.Errorf("function %s: %w", x.Function, err)
	}
	return fmt.Errorf("table %s: %w", x.Table, err)
}
