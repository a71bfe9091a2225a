package eventsource

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/stream"
)

// Results of processing, by Lambda's words.
const (
	noRecords = "No records processed"
	resultOK  = "OK"
	problem   = "PROBLEM: Function call failed. Check your function's logs: "
)

// A runner runs one mapping. Mapping changes only while no shard is fed.
type runner struct {
	all       *Mappings
	parked    *parked
	held      heldItems
	redriving chan struct{} // has an element while a step of a redrive is done
	filters   *pattern.Set  // nil for none; changes as Mapping

	mu      sync.Mutex
	Mapping                   // guarded by mu; what feeds reads it without
	next    *Mapping          // guarded by mu; in force after what is under way
	state   string            // guarded by mu
	result  string            // guarded by mu
	halted  map[string]string // why, by the shard; guarded by mu
	counts  Counts            // guarded by mu
	stop    chan struct{}     // guarded by mu; closed to end what is under way
}

func (m *runner) status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.statusLocked()
}

func (m *runner) statusLocked() Status {
	s := Status{Mapping: m.Mapping, State: m.state, Result: m.result, Counts: m.counts}
	if m.next != nil {
		s.Mapping = *m.next
	}
	for _, id := range slices.Sorted(maps.Keys(m.halted)) {
		s.Halted = "shard " + id + ": " + m.halted[id]
		s.Result = "PROBLEM: halted at " + s.Halted
		break
	}
	return s
}

func (m *runner) mapping() Mapping {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Mapping
}

func (m *runner) changing() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state != Enabled && m.state != Disabled
}

// change ends what is under way; next is in force after, nil for nothing. It
// returns the status from which on that is so.
func (m *runner) change(state string, next *Mapping) Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state, m.next = state, next
	close(m.stop)
	return m.statusLocked()
}

// note sets the result of processing, which may hold what a function answered.
func (m *runner) note(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.result = strings.ToValidUTF8(result, "")
}

// halt tells that a shard is read no further.
func (m *runner) halt(shard, reason string, err error) {
	m.mu.Lock()
	m.halted[shard] = reason + ": " + err.Error()
	m.mu.Unlock()
	m.all.opts.Logger.Error("eventsource: halted", "mapping", m.UUID, "shard", shard, "reason", reason, "error", err)
}

func (m *runner) count(what Counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.add(what)
}

// loadCounts sums up what the checkpoints count. One that is damaged counts nothing
// and keeps nothing else from starting; start halts its shard.
func (m *runner) loadCounts() error {
	it := m.all.store.Scan(kv.Prefix(kv.NewKey('v').Uint64(1).String(m.UUID)))
	for it.Next() {
		c, err := decodeCheckpoint(it.Value())
		if err != nil {
			m.all.opts.Logger.Error("eventsource: a checkpoint is damaged, and what it counts is lost", "mapping", m.UUID, "error", err)
			continue
		}
		m.counts.add(c.Counts)
	}
	return it.Close()
}

// run feeds the function, and changes the mapping when it is told to.
func (m *runner) run(ctx context.Context) {
	for ctx.Err() == nil {
		m.mu.Lock()
		stop := m.stop
		m.mu.Unlock()
		if m.Enabled {
			m.feed(ctx, stop)
		}
		select {
		case <-stop:
		case <-ctx.Done():
			return
		}
		if !m.turn() {
			if err := m.all.forget(m.UUID); err != nil {
				m.all.opts.Logger.Error("eventsource: delete", "mapping", m.UUID, "error", err)
			}
			return
		}
	}
}

// turn puts the next settings into force; false for none.
func (m *runner) turn() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == Deleting {
		return false
	}
	m.Mapping, m.next, m.stop = *m.next, nil, make(chan struct{})
	clear(m.halted)
	m.state = Disabled
	if m.Enabled {
		m.state = Enabled
	}
	return true
}

// feed feeds the function from all shards until stop or the end of the stream.
func (m *runner) feed(ctx context.Context, stop <-chan struct{}) {
	patterns, err := m.compile()
	if err != nil {
		m.note(problem + err.Error())
		return
	}
	m.setFilters(patterns)
	st, err := m.all.opts.Streams.Get(m.Stream)
	if err != nil {
		m.note("PROBLEM: the stream is gone: " + m.Stream)
		return
	}
	f := &feeding{m: m, st: st, stop: stop, ended: make(chan struct{}, stream.MaxOpenShards), started: map[uint32]bool{}}
	defer f.shards.Wait()
	for {
		left, err := f.start(ctx)
		switch {
		case err != nil:
			m.note(problem + err.Error())
			m.all.opts.Logger.Error("eventsource: checkpoint", "mapping", m.UUID, "error", err)
			if !pause(ctx, stop, time.Second) {
				return
			}
			continue
		case !left:
			return
		}
		select {
		case <-f.ended:
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// setFilters takes filters as one set; none is nil.
func (m *runner) setFilters(patterns []*pattern.Pattern) {
	if m.filters = nil; len(patterns) > 0 {
		m.filters = pattern.NewSet(patterns)
	}
}

// A feeding is what feed has started. It belongs to the goroutine of feed.
type feeding struct {
	m       *runner
	st      *stream.Stream
	stop    <-chan struct{}
	shards  sync.WaitGroup
	ended   chan struct{} // a shard came to its end
	started map[uint32]bool
}

// start starts the shards whose parents are done with; left says that not all are
// done with. A shard whose checkpoint is damaged halts alone.
func (f *feeding) start(ctx context.Context) (left bool, err error) {
	all := f.st.Shards()
	for _, info := range all {
		s, err := f.m.open(f.st, info)
		if err != nil {
			decision, reason := decide(&f.m.Settings, failure{err: err})
			if decision != parking.Halt {
				return true, err
			}
			if left = true; !f.started[info.Number] {
				f.started[info.Number] = true
				f.m.halt(info.ID, reason, err)
			}
			continue
		}
		if s.cp.Done {
			continue
		}
		left = true
		if f.started[info.Number] || !f.m.ready(all, info) {
			continue
		}
		f.started[info.Number] = true
		f.shards.Go(func() {
			s.run(ctx, f.stop)
			select {
			case f.ended <- struct{}{}:
			case <-f.stop:
			case <-ctx.Done():
			}
		})
	}
	return left, nil
}

// ready reports whether the shard's parent was done with, or is not known any
// more.
func (m *runner) ready(all []stream.Shard, s stream.Shard) bool {
	i := slices.IndexFunc(all, func(p stream.Shard) bool { return p.ID == s.Parent })
	if i < 0 {
		return true
	}
	c, err := m.checkpointOf(all[i].Number)
	return err == nil && c.Done
}

// pause returns after the time, or once stop or ctx ends; it reports whether to
// go on.
func pause(ctx context.Context, stop <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	}
}
