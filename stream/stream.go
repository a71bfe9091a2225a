package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// A descriptor is what the catalogue keeps of a stream.
type descriptor struct {
	ID       uint64         `json:"id"`
	Table    string         `json:"table"`
	Label    string         `json:"label"`
	View     View           `json:"view"`
	Schema   item.KeySchema `json:"schema"`
	Created  time.Time      `json:"created"`
	Disabled *time.Time     `json:"disabled,omitzero"`
	Trimmed  uint64         `json:"trimmed,omitzero"` // records up to here may be gone
	Shards   []Shard        `json:"shards"`
}

func (d *descriptor) encode() []byte {
	b, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("stream: descriptor: %v", err)) // plain data always marshals
	}
	return b
}

// A Stream is the change log of one table, from the moment its stream was enabled
// until it was disabled. Its methods may be called from any goroutine.
type Stream struct {
	s   *Streams
	arn string

	mu sync.RWMutex
	d  descriptor // Disabled, Trimmed and Shards are guarded by mu; the rest never changes

	// tails are those of all shards in order of their numbers; open are those of
	// the open shards in order of their start hashes. They change only inside
	// commits, under mu. Functions that run inside a commit may read them without
	// mu, because commits run one after another; all others hold it.
	tails, open []*tail

	published atomic.Uint64 // newest durable record that was announced
	waiting   atomic.Int64  // readers in Wait
	wakeMu    sync.Mutex
	wake      chan struct{} // closed when there may be something new; guarded by wakeMu
}

// ARN returns the stream's name:
// arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/stream/LABEL.
func (st *Stream) ARN() string { return st.arn }

// Table returns the name of the stream's table.
func (st *Stream) Table() string { return st.d.Table }

// Label returns the time at which the stream was enabled, which distinguishes the
// streams of a table.
func (st *Stream) Label() string { return st.d.Label }

// View returns which images the records hold.
func (st *Stream) View() View { return st.d.View }

// Schema returns the key schema of the table.
func (st *Stream) Schema() item.KeySchema { return st.d.Schema }

// Created returns when the stream was enabled.
func (st *Stream) Created() time.Time { return st.d.Created }

// Enabled reports whether changes are still recorded.
func (st *Stream) Enabled() bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.d.Disabled == nil
}

// Shards returns the shards in order of their ids.
func (st *Stream) Shards() []Shard {
	st.mu.RLock()
	defer st.mu.RUnlock()
	out := slices.Clone(st.d.Shards)
	slices.SortFunc(out, func(a, b Shard) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out
}

// Append adds the records of changes to the batch that makes the changes. The
// caller keeps the stream from being disabled until the batch is applied, and
// calls Committed on the result once the batch is durable.
func (st *Stream) Append(b *kv.Batch, at time.Time, changes []Change) *Appended {
	values := make([][]byte, len(changes))
	for i := range changes {
		values[i] = changes[i].encode(st.d.View, st.d.Schema, at)
	}
	a := &Appended{st: st}
	// The records were encoded outside; only their keys depend on the commit. It
	// is inside the commit that each takes its number and its shard: a change of
	// the shards is a commit of its own, so no record lands in a closed shard, and
	// last rises before a reader can see the record.
	b.Number(len(values), func(first uint64) {
		for i, v := range values {
			a.last = first + uint64(i)
			t := route(st.open, changes[i].Partition)
			b.Set(recordKey(st.d.ID, t.number).Uint64(a.last), v)
			t.last.Store(a.last)
			t.written.Add(1)
		}
	})
	return a
}

// Appended stands for the records that one batch adds to a stream.
type Appended struct {
	st   *Stream
	last uint64 // sequence number of the last of them
}

// Committed announces that the records are durable, and wakes the readers that
// wait for them.
func (a *Appended) Committed() {
	st, seq := a.st, a.last
	// Commits that became durable together announce in any order; published only
	// rises. It is durable up to seq, as commits become durable in their order.
	for {
		old := st.published.Load()
		if old >= seq {
			return
		}
		if st.published.CompareAndSwap(old, seq) {
			break
		}
	}
	// A reader raises waiting before it looks at published. Either this load sees
	// the reader, or the reader sees the new published: none sleeps through it.
	if st.waiting.Load() > 0 {
		st.signal()
	}
}

// signal wakes all waiting readers.
func (st *Stream) signal() {
	st.wakeMu.Lock()
	close(st.wake)
	st.wake = make(chan struct{})
	st.wakeMu.Unlock()
}

// Wait returns once there may be a durable record after the position, or the
// end of a disabled stream is durable, or with the context's error.
func (st *Stream) Wait(ctx context.Context, after uint64) error {
	st.waiting.Add(1)
	defer st.waiting.Add(-1)
	for {
		// The channel is taken before the condition is checked, so a signal between
		// the check and the select closes the channel that is selected on.
		st.wakeMu.Lock()
		wake := st.wake
		st.wakeMu.Unlock()
		if st.published.Load() > after {
			return nil
		}
		if end := st.closing(); end > 0 {
			return st.s.store.WaitDurable(ctx, end)
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// End returns the position after everything that is durable now: whatever is
// committed later is found after it.
func (st *Stream) End() uint64 { return st.s.store.Durable() }

// Last returns the number of the newest record, 0 if there is none. Readers may
// not see the record yet, because it is not durable. A disabled stream has no
// record after its Last.
func (st *Stream) Last() uint64 {
	var newest uint64
	for _, t := range st.allTails() {
		newest = max(newest, t.last.Load())
	}
	return newest
}

// allTails returns the tails of all shards.
func (st *Stream) allTails() []*tail {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.tails
}

// closing returns the number of the commit that disabled the stream, 0 while it
// is enabled. All its records have lower numbers.
func (st *Stream) closing() uint64 {
	st.mu.RLock()
	defer st.mu.RUnlock()
	var end uint64
	for _, s := range st.d.Shards {
		if s.Open() {
			return 0
		}
		end = max(end, s.Last)
	}
	return end
}

// Trimmed returns the highest position whose record may have been removed.
func (st *Stream) Trimmed() uint64 {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.d.Trimmed
}

// Disable adds the end of the stream to the batch: its shards close, and its
// records stay readable for the retention. The caller keeps changes from being
// appended from here until the batch is applied.
func (st *Stream) Disable(b *kv.Batch, at time.Time) {
	// Inside the commit, as in trim and replace, which store the descriptor too:
	// none of the three overwrites what another has just stored.
	b.Number(1, func(first uint64) {
		st.mu.Lock()
		defer st.mu.Unlock()
		at := at.UTC()
		st.d.Disabled = &at
		for i := range st.d.Shards {
			if st.d.Shards[i].Open() {
				st.d.Shards[i].Last = first
			}
		}
		b.Set(catalogueKey(st.d.ID), st.d.encode())
		st.signal() // Wait then waits until the end itself is durable
	})
}
