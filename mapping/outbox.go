package mapping

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// An Outbox says which attributes of an item are the parts of an event.
type Outbox struct {
	// Source, Type and Payload must be there: texts, and an object, which is a
	// map or its text in JSON. A payload that is a text is passed as it is.
	Source, Type, Payload Path
	// Group and Time may lead nowhere: the item is the group then, and the
	// change's time the event's.
	Group, Time Path
	// Delete says that the item is deleted once its event is accepted.
	Delete bool
}

// fromOutbox appends the event that an item is.
func (d *definition) fromOutbox(w *writer, out []Raised) ([]Raised, error) {
	o, image := d.Outbox, w.c.record.New
	r := d.blank(w.c, 0)
	var err error
	if r.Event.Source, err = text(image, o.Source, event.MaxSource); err != nil {
		return nil, at("source", err)
	}
	if r.Event.DetailType, err = text(image, o.Type, event.MaxDetailType); err != nil {
		return nil, at("detail-type", err)
	}
	if v, ok := o.Group.find(image); ok && v.Str() != "" {
		r.Event.Group = v.Str()
	}
	if v, ok := o.Time.find(image); ok {
		if r.Event.Time, ok = toTime(cel.Of(v)); !ok {
			return nil, at("time", errNoTime)
		}
	}
	payload, err := o.payload(w)
	if err != nil {
		return nil, at("payload", err)
	}
	if err := d.finish(w, &r, payload); err != nil {
		return nil, err
	}
	return append(out, r), nil
}

// find is value, of a path that may be none.
func (p Path) find(image item.Item) (item.Value, bool) {
	if len(p.steps) == 0 {
		return item.Value{}, false
	}
	return p.value(image)
}

// text returns an attribute that must be a text of at most so many characters.
func text(image item.Item, p Path, most int) (string, error) {
	v, ok := p.value(image)
	if !ok {
		return "", fmt.Errorf("new.%s is absent", p)
	}
	if n := utf8.RuneCountInString(v.Str()); v.Kind() != item.String || n == 0 || n > most {
		return "", fmt.Errorf("new.%s must be a text of 1 to %d characters; it is %s", p, most, kinds[v.Kind()])
	}
	return v.Str(), nil
}

var errNoPayload = errors.New("it must be a map, or a text that is a JSON object")

func (o *Outbox) payload(w *writer) ([]byte, error) {
	v, ok := o.Payload.value(w.c.record.New)
	switch {
	case !ok:
		return nil, fmt.Errorf("new.%s is absent", o.Payload)
	case v.Kind() == item.MapKind:
		return w.appendValue(nil, value{item: v})
	case v.Kind() != item.String && v.Kind() != item.Binary:
		return nil, errNoPayload
	}
	if err := event.CheckDetail([]byte(v.Str())); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPayload, err)
	}
	return []byte(v.Str()), nil
}
