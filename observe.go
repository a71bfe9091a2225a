package tablecast

import (
	"sync"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
)

// An audience is the observers that came since the node was opened.
type audience struct {
	mu   sync.RWMutex
	next int
	of   map[int]Observer // guarded by mu
}

// Watch lets an observer hear of events and attempts until stop is called; its
// Mapped hears nothing.
func (n *Node) Watch(o Observer) (stop func()) {
	a := &n.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[int]Observer{}
	}
	id := a.next
	a.next++
	a.of[id] = o
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.of, id)
	}
}

// accepted tells all observers of an event.
func (n *Node) accepted(x bus.Accepted) {
	if f := n.opts.Observer.Accepted; f != nil {
		f(x)
	}
	n.audience.mu.RLock()
	defer n.audience.mu.RUnlock()
	for _, o := range n.audience.of {
		if o.Accepted != nil {
			o.Accepted(x)
		}
	}
}

// attempted tells all observers of an attempt.
func (n *Node) attempted(x delivery.Attempt) {
	if f := n.opts.Observer.Attempted; f != nil {
		f(x)
	}
	n.audience.mu.RLock()
	defer n.audience.mu.RUnlock()
	for _, o := range n.audience.of {
		if o.Attempted != nil {
			o.Attempted(x)
		}
	}
}
