package bus

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/tablecast/tablecast/event"
)

const (
	// cacheEvents is how many events the cache holds at most.
	cacheEvents = 2048
	// cacheEventBytes is the most bytes that the stored form of a cached event
	// has.
	cacheEventBytes = 8 << 10
)

// An eventCache holds recently accepted events that go to targets, so that
// their first deliveries need not read the store. It is direct-mapped: slot
// seq modulo cacheEvents has the last event of that slot. A stored event never
// changes, so no entry is ever out of date.
type eventCache [cacheEvents]atomic.Pointer[cachedEvent]

type cachedEvent struct {
	bus   string
	seq   uint64
	event *event.Event
}

// copyOf returns a copy of an event that shares no memory with the caller's.
func copyOf(e *event.Event) *event.Event {
	c := *e
	c.Detail, c.Resources = bytes.Clone(e.Detail), slices.Clone(e.Resources)
	return &c
}

// add caches an event, which must not change any more.
func (c *eventCache) add(bus string, seq uint64, e *event.Event) {
	c[seq%cacheEvents].Store(&cachedEvent{bus, seq, e})
}

// find returns an event, or nil if it is not cached.
func (c *eventCache) find(bus string, seq uint64) *event.Event {
	if m := c[seq%cacheEvents].Load(); m != nil && m.seq == seq && m.bus == bus {
		return m.event
	}
	return nil
}
