package tablecast

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// An Observer is told what each hop of a node did. Each function may be nil.
//
// The functions are called by the goroutines that do the work, several at once:
// they must be safe for concurrent use, must be quick, must not change what they
// are given, and must not call Watch or the function that Watch returned. An
// observer that panics is logged and never called again, as nobody knows in what
// state the panic left it (a lock that it still holds would stop the hop); the
// node and its other observers go on.
type Observer struct {
	// Mapped is told which events a change raises, before a bus has them. A
	// change that is mapped again, because its events could not be handed on, is
	// told again; one that is parked is not told.
	Mapped func(r *stream.Record, events []mapping.Raised)
	// Accepted is told of each event that is durable on a bus.
	Accepted func(bus.Accepted)
	// Attempted is told of each call of a target, before its outcome is durable.
	// The attempt has no event if the stored one is missing or damaged.
	Attempted func(delivery.Attempt)
}

// observers are those who watch a node.
type observers struct {
	logger *slog.Logger
	mu     sync.RWMutex
	list   map[*watcher]bool // guarded by mu
}

// A watcher is an observer that was given to Watch.
type watcher struct {
	Observer
	panicked atomic.Bool // it is called no more
}

// Watch has an observer told of each hop until stop is called. Once stop
// returns, none of its functions runs, and none will.
func (n *Node) Watch(o Observer) (stop func()) {
	w := &watcher{Observer: o}
	s := &n.observers
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list[w] = true
	return func() {
		s.mu.Lock() // waits for calls under way, which hold mu for reading
		defer s.mu.Unlock()
		delete(s.list, w)
	}
}

// each calls fn for each observer.
func (s *observers) each(hop string, fn func(o *Observer)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for w := range s.list {
		if !w.panicked.Load() {
			s.guard(w, hop, fn)
		}
	}
}

// guard calls fn, and keeps a panic of an observer from the hop.
func (s *observers) guard(w *watcher, hop string, fn func(o *Observer)) {
	defer func() {
		if p := recover(); p != nil && w.panicked.CompareAndSwap(false, true) {
			s.logger.Error("tablecast: an observer panicked and is told of nothing more", "hop", hop, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn(&w.Observer)
}

func (s *observers) mapped(r *stream.Record, events []mapping.Raised) {
	s.each("Mapped", func(o *Observer) {
		if o.Mapped != nil {
			o.Mapped(r, events)
		}
	})
}

func (s *observers) accepted(x bus.Accepted) {
	s.each("Accepted", func(o *Observer) {
		if o.Accepted != nil {
			o.Accepted(x)
		}
	})
}

func (s *observers) attempted(x delivery.Attempt) {
	s.each("Attempted", func(o *Observer) {
		if o.Attempted != nil {
			o.Attempted(x)
		}
	})
}
