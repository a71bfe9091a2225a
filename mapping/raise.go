package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// raise appends the events of a definition whose guards hold.
func (d *definition) raise(c *change, out []Raised) ([]Raised, error) {
	w := &writer{c: c, quoteNumbers: d.Shape.QuoteNumbers}
	switch {
	case d.Mapper != nil:
		return d.fromMapper(w, out)
	case d.Function != "":
		return nil, at("mapper", fmt.Errorf("function %s can be asked by a node alone", d.Function))
	case d.Outbox != nil:
		return d.fromOutbox(w, out)
	case d.Each == nil:
		e, err := d.event(w, 0)
		return append(out, e), err
	}
	defer func() { c.each, c.at, c.common = nil, nil, nil }()
	c.common = map[*Expression]cel.Value{}
	index := 0
	err := each(c, d.Each, func() error {
		e, err := d.event(w, index)
		out = append(out, e)
		index++
		return at("each["+strconv.Itoa(index-1)+"]", err)
	})
	return out, err
}

var errNoCollection = errors.New("it is neither a list nor a map")

// each calls fn with each and at bound to the elements of a list, set or map.
func each(c *change, e *Expression, fn func() error) error {
	v, err := e.value(c)
	if err != nil || v.absent() {
		return at("each", err)
	}
	collection, ok := v.toCEL().(traits.Iterable)
	sizer, both := v.toCEL().(traits.Sizer)
	if !ok || !both || v.toCEL().Type() == types.StringType || v.toCEL().Type() == types.BytesType {
		return at("each", e.fail(c, errNoCollection))
	}
	if n, _ := sizer.Size().(types.Int); n > MaxEvents {
		return at("each", fmt.Errorf("${%s} has %d elements, and one change raises at most %d events", e.source, n, MaxEvents))
	}
	m, isMap := v.toCEL().(traits.Mapper)
	index := 0
	for it := collection.Iterator(); it.HasNext() == types.True; index++ {
		c.at, c.each = types.Int(index), it.Next()
		if isMap {
			c.at, c.each = c.each, m.Get(c.each)
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

// event makes one event.
func (d *definition) event(w *writer, index int) (Raised, error) {
	w.used = 0
	detail, err := d.detail(w)
	if err != nil {
		return Raised{}, at("detail", err)
	}
	w.used = len(detail)
	r := d.blank(w.c, index)
	if err := d.fill(w, &r.Event); err != nil {
		return Raised{}, err
	}
	return r, d.finish(w, &r, detail)
}

// blank is an event with what does not depend on the definition's templates.
func (d *definition) blank(c *change, index int) Raised {
	id := event.DeterministicID(c.arn, c.seq, d.Name, strconv.Itoa(index))
	if c.run != "" {
		id = event.DeterministicID(c.arn, c.run, c.group(), d.Name, strconv.Itoa(index))
	}
	return Raised{Definition: d.Name, Bus: d.Bus, Event: event.Event{
		ID: id, Source: d.Source, DetailType: d.DetailType, Account: c.set.opts.Account, Region: c.set.opts.Region,
		Time: c.record.Time, Resources: []string{c.arn}, Group: c.group(),
		Trace: c.record.Trace.AWS(), Cause: event.Cause{Table: c.record.Table(), Sequence: c.seq, Definition: d.Name},
	}}
}

// fill sets what templates say of the envelope.
func (d *definition) fill(w *writer, e *event.Event) error {
	if d.Time != nil {
		t, err := w.time(d.Time)
		if err != nil {
			return at("time", err)
		}
		e.Time = t
	}
	if d.Group != nil {
		group, ok, err := w.plain(d.Group)
		if err != nil {
			return at("group", err)
		}
		if ok {
			e.Group = group
			w.used += len(group)
		}
	}
	if d.Resources == nil {
		return nil
	}
	e.Resources = nil
	for i, t := range d.Resources {
		text, ok, err := w.plain(t)
		if err != nil {
			return at("resources."+strconv.Itoa(i), err)
		}
		if ok {
			e.Resources = append(e.Resources, text)
			w.used += len(text)
		}
	}
	return nil
}

// maxContract is the most bytes of a detail that has a contract, which holds many
// times as much while it reads the detail.
const maxContract = 4 << 20

// finish checks the contract, puts the detail into its shape and the event in
// its limits.
func (d *definition) finish(w *writer, r *Raised, detail []byte) error {
	if d.Contract != nil {
		if len(detail) > maxContract {
			return at("schema", fmt.Errorf("the detail has %d bytes, and a contract reads at most %d", len(detail), maxContract))
		}
		if err := guarded(func() error { return d.Contract(detail) }); err != nil {
			return at("schema", err)
		}
	}
	r.Event.Detail = d.Shape.wrap(w.c, &r.Event, detail)
	if w.c.room -= r.Bytes(); w.c.room < 0 {
		return at("detail", errTooLarge)
	}
	return nil
}

func (d *definition) detail(w *writer) ([]byte, error) {
	if d.Detail != nil {
		return w.object(d.Detail)
	}
	return w.appendValue(nil, value{item: item.M(w.c.best())})
}

var errNoTime = errors.New("it is no time: neither a timestamp, nor a text in RFC 3339, nor seconds of the Unix epoch")

// time renders a template that must give a time.
func (w *writer) time(t *Template) (time.Time, error) {
	if t.kind == textKind && len(t.text) == 1 {
		e := t.text[0].expression
		v, err := e.value(w.c)
		if err != nil || v.absent() {
			return w.c.record.Time, err
		}
		if at, ok := toTime(v.toCEL()); ok {
			return at, nil
		}
		return time.Time{}, e.fail(w.c, errNoTime)
	}
	text, _, err := w.plain(t)
	if err != nil {
		return time.Time{}, err
	}
	if at, ok := toTime(types.String(text)); ok {
		return at, nil
	}
	return time.Time{}, errNoTime
}

// Seconds of the years 1 to 9999, which RFC 3339 can write.
const minSecond, maxSecond = -62135596800, 253402300799

func toTime(v cel.Value) (time.Time, bool) {
	switch v := v.(type) {
	case types.Timestamp:
		return v.UTC(), true
	case types.String:
		t, err := time.Parse(time.RFC3339Nano, string(v))
		return t.UTC(), err == nil
	case types.Int:
		return time.Unix(int64(v), 0).UTC(), v >= minSecond && v <= maxSecond
	case types.Double:
		return time.UnixMilli(int64(v * 1000)).UTC(), v >= minSecond && v <= maxSecond
	}
	return time.Time{}, false
}

// unquote returns the text of a JSON string.
func unquote(quoted []byte) string {
	text, _ := jsontext.AppendUnquote(nil, quoted) // we wrote it
	return string(text)
}
