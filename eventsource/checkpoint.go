package eventsource

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A checkpoint is how far a mapping is in a shard.
type checkpoint struct {
	// Position is the number of the last record that was done with, together
	// with all before it.
	Position uint64 `json:"position"`
	Done     bool   `json:"done,omitzero"` // to the end of the shard
	Counts
	Window *window `json:"window,omitzero"`
}

func checkpointKey(uuid string, number uint32) kv.Key {
	return kv.NewKey('v').Uint64(1).String(uuid).Uint64(uint64(number))
}

// checkpointOf reads a checkpoint; the zero one if there is none.
func (m *runner) checkpointOf(number uint32) (c checkpoint, err error) {
	err = m.all.store.View(checkpointKey(m.UUID, number), func(v []byte) error { return json.Unmarshal(v, &c) })
	if errors.Is(err, kv.ErrNotFound) {
		err = nil
	}
	return c, err
}

// open returns a shard at its checkpoint.
func (m *runner) open(st *stream.Stream, info stream.Shard) (*shard, error) {
	cp, err := m.checkpointOf(info.Number)
	if err != nil {
		return nil, fmt.Errorf("eventsource: checkpoint of %s: %w", info.ID, err)
	}
	s := &shard{m: m, st: st, info: info, cp: cp, freed: make(chan struct{}, 1)}
	s.from = max(info.First, m.After+1, cp.Position+1)
	for range m.Parallel {
		s.lanes = append(s.lanes, &lane{})
	}
	if m.Tumbling > 0 {
		s.lanes = s.lanes[:1]
	}
	return s, nil
}

// settle makes records done, as what: in one batch with what add puts there, the
// checkpoint passes those of them that no record before holds up.
func (s *shard) settle(records []*record, what Counts, add func(*kv.Batch)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		r.done = true
	}
	next := s.cp
	next.add(what)
	if s.window != nil || next.Window != nil {
		next.Window = s.window
	}
	n := 0
	for n < len(s.pending) && s.pending[n].done {
		next.Position = s.pending[n].seq
		n++
	}
	if err := s.save(next, add); err != nil {
		for _, r := range records {
			r.done = false
		}
		return err
	}
	for _, r := range s.pending[:n] {
		s.bytes -= len(r.json)
	}
	s.pending = s.pending[n:]
	s.count(what)
	return nil
}

// save makes a checkpoint durable. The caller holds mu.
func (s *shard) save(next checkpoint, add func(*kv.Batch)) error {
	v, err := json.Marshal(&next)
	if err != nil {
		return fmt.Errorf("eventsource: checkpoint: %w", err)
	}
	b := s.m.all.store.NewBatch()
	b.UseReserve()
	b.Set(checkpointKey(s.m.UUID, s.info.Number), v)
	if add != nil {
		add(b)
	}
	if _, err := s.m.all.store.Commit(b); err != nil {
		return err
	}
	s.cp = next
	return nil
}

func (s *shard) count(what Counts) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.counts.add(what)
}
