package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// Limits of the queue.
const (
	// MaxEventBytes is the most of an event that nobody waits for.
	MaxEventBytes = 1 << 20
	// MaxQueued is how many events wait, of all functions.
	MaxQueued = 100_000
	// perFunction is how many events of one function are attempted at once.
	perFunction = 10
)

// A row is an event in the queue, as it is stored.
type row struct {
	Function string         `json:"function"`
	ID       string         `json:"id"` // of the request, the same for all attempts
	Payload  jsontext.Value `json:"payload"`
	At       time.Time      `json:"at"`
	Due      time.Time      `json:"due"`
	Attempts int            `json:"attempts"` // made, that failed
	Waits    int            `json:"waits,omitzero"`
	// Record and To are set once no further attempt is to be made: what the
	// destination is told.
	Record jsontext.Value `json:"record,omitzero"`
	To     string         `json:"to,omitzero"`
	Good   bool           `json:"good,omitzero"`
}

// A mark is what is known of a row in memory.
type mark struct {
	seq  uint64
	name string
	due  time.Time
}

// A queue holds the events that nobody waits for.
type queue struct {
	fs   *Functions
	wake chan struct{}

	mu      sync.Mutex
	waiting []mark         // guarded by mu; by due
	busy    map[string]int // guarded by mu; attempts under way of each function
}

func rowKey(seq uint64) kv.Key { return kv.NewKey('f').Uint64(2).Uint64(seq) }

func deadKey(name string, seq uint64) kv.Key {
	return kv.NewKey('f').Uint64(3).String(name).Uint64(seq)
}

// open reads what waits.
func (q *queue) open(fs *Functions) error {
	q.fs, q.wake, q.busy = fs, make(chan struct{}, 1), map[string]int{}
	it := fs.store.Scan(kv.Prefix(kv.NewKey('f').Uint64(2)))
	for it.Next() {
		var r row
		if err := json.Unmarshal(it.Value(), &r); err != nil {
			return errors.Join(fmt.Errorf("function: queued event: %w", err), it.Close())
		}
		k := kv.ReadKey(it.Key())
		k.Uint64()
		q.addLocked(mark{k.Uint64(), r.Function, r.Due}) // nobody else has it yet
	}
	return it.Close()
}

func (q *queue) addLocked(m mark) {
	i, _ := slices.BinarySearchFunc(q.waiting, m, func(a, b mark) int { return a.due.Compare(b.due) })
	for i < len(q.waiting) && q.waiting[i].due.Equal(m.due) && q.waiting[i].seq < m.seq {
		i++
	}
	q.waiting = slices.Insert(q.waiting, i, m)
}

func (q *queue) add(m mark) {
	q.mu.Lock()
	q.addLocked(m)
	q.mu.Unlock()
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Enqueue keeps an event for the function, and returns once it is durable. The
// function and its log see the id; an empty one stands for a random one. Errors: ErrNotFound, ErrBacklog,
// function.ErrPayloadTooLarge, kv.ErrDiskFull.
func (fs *Functions) Enqueue(name, id string, payload []byte) error {
	if _, err := fs.find(name); err != nil {
		return err
	}
	if len(payload) > MaxEventBytes {
		return fmt.Errorf("%w: %d bytes, the limit is %d", process.ErrPayloadTooLarge, len(payload), MaxEventBytes)
	}
	fs.queue.mu.Lock()
	waiting := len(fs.queue.waiting)
	fs.queue.mu.Unlock()
	if waiting >= MaxQueued {
		return ErrBacklog
	}
	if id == "" {
		id = uuid.NewString()
	}
	now := fs.now()
	r := row{Function: name, ID: id, Payload: payload, At: now, Due: now}
	value, err := json.Marshal(&r)
	if err != nil {
		return fmt.Errorf("function: event: %w", err)
	}
	b := fs.store.NewBatch()
	var seq uint64
	b.Number(1, func(first uint64) {
		seq = first
		b.Set(rowKey(seq), value)
	})
	if _, err := fs.store.Commit(b); err != nil {
		return err
	}
	fs.queue.add(mark{seq, name, now})
	return nil
}

// Waiting returns how many events that nobody waits for are queued or under way.
func (fs *Functions) Waiting() int {
	fs.queue.mu.Lock()
	defer fs.queue.mu.Unlock()
	n := len(fs.queue.waiting)
	for _, busy := range fs.queue.busy {
		n += busy
	}
	return n
}

// take returns a row whose time has come and whose function has room, or how
// long until the next.
func (q *queue) take() (mark, time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.fs.opts.Now()
	for i, m := range q.waiting {
		if wait := m.due.Sub(now); wait > 0 {
			return mark{}, wait, false
		}
		if q.busy[m.name] < perFunction {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.busy[m.name]++
			return m, 0, true
		}
	}
	return mark{}, time.Hour, false
}

// free ends an attempt.
func (q *queue) free(name string) {
	q.mu.Lock()
	if q.busy[name]--; q.busy[name] == 0 {
		delete(q.busy, name)
	}
	q.mu.Unlock()
	q.poke()
}

// run attempts events until ctx ends, and waits for the attempts.
func (q *queue) run(ctx context.Context) {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	for {
		m, wait, ok := q.take()
		if ok {
			attempts.Go(func() {
				defer q.free(m.name)
				if err := q.attempt(ctx, m); err != nil && ctx.Err() == nil {
					q.fs.opts.Logger.Error("function: event", "function", m.name, "error", err)
					m.due = q.fs.opts.Now().Add(time.Minute)
					q.add(m)
				}
			})
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}
