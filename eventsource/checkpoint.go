package eventsource

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/wait"
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
	Tumbling *tumblingWindow `json:"window,omitzero"`
}

// anyState lets a checkpoint hold the state of a window as the function answered
// it, which may name a member twice.
var anyState = jsontext.AllowDuplicateNames(true)

func checkpointKey(uuid string, number uint32) kv.Key {
	return kv.NewKey('v').Uint64(1).String(uuid).Uint64(uint64(number))
}

// decodeCheckpoint reads the stored form. Errors: kv.ErrCorrupt.
func decodeCheckpoint(v []byte) (c checkpoint, err error) {
	err = kv.Unmarshal(v, &c, anyState)
	return c, err
}

// checkpointOf reads a checkpoint; the zero one if there is none. Errors:
// kv.ErrCorrupt, those of the store.
func (m *runner) checkpointOf(number uint32) (c checkpoint, err error) {
	err = m.all.store.View(checkpointKey(m.UUID, number), func(v []byte) (err error) {
		c, err = decodeCheckpoint(v)
		return err
	})
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
	s := &shard{m: m, st: st, info: info, cp: cp, freed: wait.NewSignal()}
	s.from = max(info.First, m.After+1, cp.Position+1)
	for range m.Parallel {
		s.lanes = append(s.lanes, &lane{})
	}
	if m.TumblingWindow > 0 {
		s.lanes = s.lanes[:1]
	}
	return s, nil
}

// A settling is records that are done with, in a batch that is applied and not yet
// durable. Whoever has one calls wait, holding no lock.
type settling struct {
	s      *shard
	commit kv.Commit
	what   Counts
}

// wait returns once the batch is durable, and counts what it did.
func (t settling) wait() error {
	if err := t.commit.Wait(); err != nil {
		return err
	}
	t.s.m.count(t.what)
	return nil
}

// settle makes records done, as what, and waits until that is durable; see apply.
func (s *shard) settle(records []*record, what Counts, add func(*kv.Batch)) error {
	t, err := s.apply(records, what, add)
	if err != nil {
		return err
	}
	return t.wait()
}

// apply makes records done, as what: in one batch with what add puts there, the
// checkpoint passes those of them that no record before holds up.
//
// mu is held while the checkpoint is computed and applied, not while it is synced.
// Batches become durable in the order in which they were applied, so
//
//   - a checkpoint never goes back: each is computed from the one that was applied
//     before it, and stands behind it in the log;
//   - a checkpoint never passes work that is not settled: a record is done only
//     together with the batch that says what became of it. A batch that is refused
//     is not applied and undoes that, before another checkpoint is computed. A
//     batch that is applied and cannot be synced ends the process (P7), and a
//     crash takes it away together with all that were applied after it.
//
// Lanes wait for their syncs beside each other, and reading goes on meanwhile.
func (s *shard) apply(records []*record, what Counts, add func(*kv.Batch)) (settling, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applyLocked(records, what, add)
}

// applyLocked is apply for callers that hold mu.
func (s *shard) applyLocked(records []*record, what Counts, add func(*kv.Batch)) (settling, error) {
	for _, r := range records {
		r.done = true
	}
	next := s.cp
	next.add(what)
	next.Tumbling = s.tumbling
	n := 0
	for n < len(s.pending) && s.pending[n].done {
		next.Position = s.pending[n].seq
		n++
	}
	commit, err := s.saveLocked(next, add)
	if err != nil {
		for _, r := range records {
			r.done = false
		}
		return settling{}, err
	}
	for _, r := range s.pending[:n] {
		s.bytes -= len(r.json)
	}
	s.pending = s.pending[n:]
	return settling{s, commit, what}, nil
}

// saveLocked applies a checkpoint, which is then the current one. The caller
// holds mu, and waits for the commit once it does not.
func (s *shard) saveLocked(next checkpoint, add func(*kv.Batch)) (kv.Commit, error) {
	v, err := json.Marshal(&next, anyState)
	if err != nil {
		return kv.Commit{}, fmt.Errorf("eventsource: checkpoint: %w", err)
	}
	b := s.m.all.store.NewBatch()
	b.UseReserve()
	b.Set(checkpointKey(s.m.UUID, s.info.Number), v)
	if add != nil {
		add(b)
	}
	commit, err := s.m.all.store.Apply(b)
	if err == nil {
		s.cp = next
	}
	return commit, err
}
