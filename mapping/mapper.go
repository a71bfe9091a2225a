package mapping

import (
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/stream"
)

// ErrUnavailable marks an error of a Mapper that cannot tell what a record means
// now, but may later: the record is tried again, not parked, and those of its
// table behind it wait.
var ErrUnavailable = errors.New("mapping: the mapper is not available")

// A Mapper makes events in code, where a definition as data is not enough. Go
// programs that embed a node implement it.
//
// Map must be pure: the same record gives the same events, in the same order,
// whenever and however often it is called. Several goroutines call it at once. It
// must not change the record, nor keep it after it returns. It returns at most
// MaxEvents events. An error or a panic parks the record, unless the error wraps
// ErrUnavailable.
type Mapper interface {
	Map(r *stream.Record) ([]Produced, error)
}

// A MapperFunc is a Mapper that is a function.
type MapperFunc func(r *stream.Record) ([]Produced, error)

// Map calls the function.
func (f MapperFunc) Map(r *stream.Record) ([]Produced, error) { return f(r) }

// A Produced event is one that a Mapper makes. Detail, a JSON object, must be set;
// each other field that is empty has the value that the definition gives.
type Produced struct {
	Source, DetailType, Bus string
	Resources               []string
	Time                    time.Time
	Group                   string
	Detail                  []byte
}

// guarded calls code that is not of this package, and makes an error of a panic:
// the record is parked, and the node goes on.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// fromMapper appends the events that code makes.
func (d *definition) fromMapper(w *writer, out []Raised) ([]Raised, error) {
	var produced []Produced
	err := guarded(func() (err error) {
		produced, err = d.Mapper.Map(w.c.record)
		return err
	})
	if err == nil && len(produced) > MaxEvents {
		err = fmt.Errorf("%d events, and one change raises at most %d", len(produced), MaxEvents)
	}
	if err != nil {
		return nil, at("mapper", err)
	}
	for i, p := range produced {
		if err := event.CheckDetail(p.Detail); err != nil {
			return nil, at("mapper", fmt.Errorf("event %d: %w", i, err))
		}
		r := d.blank(w.c, i)
		p.overlay(&r)
		if err := d.finish(w, &r, p.Detail); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// overlay sets the fields of an event that the mapper gave.
func (p *Produced) overlay(r *Raised) {
	for _, s := range []struct {
		to   *string
		from string
	}{{&r.Event.Source, p.Source}, {&r.Event.DetailType, p.DetailType}, {&r.Bus, p.Bus}, {&r.Event.Group, p.Group}} {
		if s.from != "" {
			*s.to = s.from
		}
	}
	if p.Resources != nil {
		r.Event.Resources = p.Resources
	}
	if !p.Time.IsZero() {
		r.Event.Time = p.Time
	}
}
