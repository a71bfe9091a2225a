package bus

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/tablecast/tablecast/event"
)

const (
	// recentEvents is how many events recent remembers at most.
	recentEvents = 2048
	// recentBytes is the most bytes that an event may take in its stored form to
	// be remembered.
	recentBytes = 8 << 10
)

// recent remembers events that were accepted of late and go to targets, so that
// who delivers them at once need not read them from the store: the last one of
// each remainder of seq. A stored event never changes.
type recent [recentEvents]atomic.Pointer[remembered]

type remembered struct {
	bus   string
	seq   uint64
	event *event.Event
}

// copyOf returns a copy of an event that shares no memory that may change.
func copyOf(e *event.Event) *event.Event {
	c := *e
	c.Detail, c.Resources = bytes.Clone(e.Detail), slices.Clone(e.Resources)
	return &c
}

// add remembers an event, which must not change any more.
func (r *recent) add(bus string, seq uint64, e *event.Event) {
	r[seq%recentEvents].Store(&remembered{bus, seq, e})
}

// find returns an event, or nil if it is not remembered.
func (r *recent) find(bus string, seq uint64) *event.Event {
	if m := r[seq%recentEvents].Load(); m != nil && m.seq == seq && m.bus == bus {
		return m.event
	}
	return nil
}
