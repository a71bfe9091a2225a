package tablecast

import (
	"sync"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// An audience is who observes the node.
type audience struct {
	mu   sync.RWMutex
	next int
	of   map[int]Observer // guarded by mu
}

// Watch lets an observer hear of each hop until stop is called.
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

// tell calls fn for each observer.
func (a *audience) tell(fn func(o Observer)) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, o := range a.of {
		fn(o)
	}
}

func (n *Node) mapped(r *stream.Record, events []mapping.Raised) {
	n.audience.tell(func(o Observer) {
		if o.Mapped != nil {
			o.Mapped(r, events)
		}
	})
}

func (n *Node) accepted(x bus.Accepted) {
	n.audience.tell(func(o Observer) {
		if o.Accepted != nil {
			o.Accepted(x)
		}
	})
}

func (n *Node) attempted(x delivery.Attempt) {
	n.audience.tell(func(o Observer) {
		if o.Attempted != nil {
			o.Attempted(x)
		}
	})
}
