package eventsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
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
	all  *Mappings
	wait waiting

	mu      sync.Mutex
	Mapping               // guarded by mu; what feeds reads it without
	next    *Mapping      // guarded by mu; in force after what is under way
	state   string        // guarded by mu
	result  string        // guarded by mu
	counts  Counts        // guarded by mu
	stop    chan struct{} // guarded by mu; closed to end what is under way
	filters []*pattern.Pattern
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

func (m *runner) note(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.result = result
}

// loadCounts sums up what the checkpoints count.
func (m *runner) loadCounts() error {
	it := m.all.store.Scan(kv.Prefix(kv.NewKey('v').Uint64(1).String(m.UUID)))
	for it.Next() {
		var c checkpoint
		if err := json.Unmarshal(it.Value(), &c); err != nil {
			return errors.Join(fmt.Errorf("eventsource: checkpoint: %w", err), it.Close())
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
	m.state = Disabled
	if m.Enabled {
		m.state = Enabled
	}
	return true
}

// feed feeds the function from all shards until stop or the end of the stream.
func (m *runner) feed(ctx context.Context, stop <-chan struct{}) {
	var err error
	if m.filters, err = m.compile(); err != nil {
		m.note(problem + err.Error())
		return
	}
	st, err := m.all.opts.Streams.Get(m.Stream)
	if err != nil {
		m.note("PROBLEM: the stream is gone: " + m.Stream)
		return
	}
	var shards sync.WaitGroup
	defer shards.Wait()
	ended := make(chan struct{}, stream.MaxOpenShards)
	running := map[uint32]bool{}
	for {
		all := st.Shards()
		left := false
		for _, info := range all {
			s, err := m.open(st, info)
			if err != nil {
				m.note(problem + err.Error())
				m.all.opts.Logger.Error("eventsource: checkpoint", "mapping", m.UUID, "error", err)
				return
			}
			if s.cp.Done {
				continue
			}
			left = true
			if running[info.Number] || !m.ready(all, info) {
				continue
			}
			running[info.Number] = true
			shards.Go(func() {
				s.run(ctx, stop)
				select {
				case ended <- struct{}{}:
				case <-stop:
				case <-ctx.Done():
				}
			})
		}
		if !left {
			return
		}
		select {
		case <-ended:
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
	}
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
