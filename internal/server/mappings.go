package server

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// mappingsIn names what is meant of the event source mappings.
type mappingsIn struct {
	UUID  string         `json:"uuid"`  // empty: all
	Item  jsontext.Value `json:"item"`  // key as DynamoDB writes it; empty: all
	Table string         `json:"table"` // whose changes they hand on; empty: all
	Seq   string         `json:"seq"`   // of one record; empty: all
	Key   jsontext.Value `json:"key"`   // as plain JSON; empty: all
}

// wants reports whether a parked record is meant.
func (in *mappingsIn) wants(p *eventsource.Parked) (bool, error) {
	if len(in.Item) > 0 && string(in.Item) != p.Item || in.Seq != "" && in.Seq != stream.FormatSeq(p.Seq) {
		return false, nil
	}
	if len(in.Key) == 0 {
		return true, nil
	}
	key, err := item.FromPlainJSON(in.Key)
	if err != nil || key.Kind() != item.MapKind {
		return false, badRequest(`key must be an object, as in {"id": "u1"}`)
	}
	return string(item.AppendJSON(nil, key.Map())) == p.Item, nil
}

// mappings calls fn for the mappings that are meant.
func (a administration) mappings(in mappingsIn, fn func(eventsource.Status) error) error {
	if in.UUID != "" {
		s, err := a.node.EventSources().Get(in.UUID)
		if err != nil {
			return err
		}
		return fn(s)
	}
	for _, s := range a.node.EventSources().List("", math.MaxInt) {
		if st, err := a.node.Streams().Get(s.Stream); in.Table != "" && (err != nil || st.Table() != in.Table) {
			continue
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	return nil
}

// sources answers a mapping a line.
func (a administration) sources(_ context.Context, in mappingsIn, out *lines) error {
	return a.mappings(in, func(s eventsource.Status) error {
		out.put(sourceStatus{s.UUID, s.Stream, s.Function, s.State, s.Result, s.Counts})
		return nil
	})
}

// held answers a record that a mapping has parked a line.
func (a administration) held(ctx context.Context, in mappingsIn, out *lines) error {
	return a.mappings(in, func(s eventsource.Status) error {
		var bad error
		err := a.node.EventSources().Parked(s.UUID, func(p *eventsource.Parked) bool {
			var ok bool
			if ok, bad = in.wants(p); !ok {
				return bad == nil
			}
			return ctx.Err() == nil && out.put(struct {
				UUID     string         `json:"uuid"`
				Function string         `json:"function"`
				Item     jsontext.Value `json:"item"`
				Seq      string         `json:"sequenceNumber"`
				Reason   string         `json:"reason"`
				At       time.Time      `json:"parkedAt"`
				Record   jsontext.Value `json:"record"`
			}{s.UUID, s.Function, jsontext.Value(p.Item), stream.FormatSeq(p.Seq), p.Reason, p.At, p.Record})
		})
		return errors.Join(bad, err)
	})
}

// retry hands what is parked to the functions again, and answers a line for each
// item: with an error if it failed again.
func (a administration) retry(ctx context.Context, in mappingsIn, out *lines) error {
	return a.settle(in, out, func(uuid, item string) error { return a.node.EventSources().Retry(ctx, uuid, item) })
}

// forget gives up the first parked record of each item.
func (a administration) forget(_ context.Context, in mappingsIn, out *lines) error {
	return a.settle(in, out, a.node.EventSources().Drop)
}

// settle calls do for each item that is meant and has parked records.
func (a administration) settle(in mappingsIn, out *lines, do func(uuid, item string) error) error {
	return a.mappings(in, func(s eventsource.Status) error {
		var items []string
		err := a.node.EventSources().Parked(s.UUID, func(p *eventsource.Parked) bool {
			if n := len(items); (len(in.Item) == 0 || string(in.Item) == p.Item) && (n == 0 || items[n-1] != p.Item) {
				items = append(items, p.Item)
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, item := range items {
			line := map[string]any{"uuid": s.UUID, "function": s.Function, "item": jsontext.Value(item)}
			if err := do(s.UUID, item); err != nil {
				line["failed"] = err.Error()
			}
			if !out.put(line) {
				return nil
			}
		}
		return nil
	})
}
