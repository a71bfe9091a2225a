package function

import (
	"cmp"
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
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
)

// Limits of the queue of asynchronous invocations.
const (
	maxEventBytes = 1 << 20 // of one event: Lambda's limit for asynchronous invocations
	maxQueued     = 100_000 // events of all functions together
	perFunction   = 10      // attempts of one function under way at once
)

// anyJSON are the options of rows and records: payloads may have duplicate names
// and invalid UTF-8, as with an invocation whose sender waits.
var anyJSON = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// A queuedEvent is the stored form of an asynchronous invocation: first an event
// to invoke the function with, then, once Record is set, an invocation record to
// send to a destination.
type queuedEvent struct {
	Function string         `json:"function"`
	ID       string         `json:"id"` // of the request, the same for all attempts
	Payload  jsontext.Value `json:"payload"`
	At       time.Time      `json:"at"`
	Due      time.Time      `json:"due"`
	Attempts int            `json:"attempts"`       // of the function that failed
	Waits    int            `json:"waits,omitzero"` // in a row without an attempt, or refused by the destination
	// Record and To, the ARN of the destination, are set once no further attempt
	// is to be made. Good says that the function succeeded.
	Record jsontext.Value `json:"record,omitzero"`
	To     string         `json:"to,omitzero"`
	Good   bool           `json:"good,omitzero"`
}

// A queueEntry is the in-memory index entry of a queued event.
type queueEntry struct {
	seq    uint64 // of its row
	name   string // of the function
	due    time.Time
	record bool // waits for its destination, no longer for the function
}

// A queue holds the asynchronous invocations of all functions. Each queued event
// is a row of the store, and at any moment either in waiting or with one attempt.
type queue struct {
	fs   *Functions
	wake wait.Signal // set when take may return something else

	mu      sync.Mutex
	waiting []queueEntry   // guarded by mu; in the order of due, then of seq
	busy    map[string]int // guarded by mu; attempts under way, by function
}

func rowKey(seq uint64) kv.Key { return kv.NewKey('f').Uint64(2).Uint64(seq) }

func deadKey(name string, seq uint64) kv.Key {
	return kv.NewKey('f').Uint64(3).String(name).Uint64(seq)
}

// open reads the queued events of the store.
func (q *queue) open(fs *Functions) error {
	q.fs, q.wake, q.busy = fs, wait.NewSignal(), map[string]int{}
	it := fs.store.Scan(kv.Prefix(kv.NewKey('f').Uint64(2)))
	for it.Next() {
		var r queuedEvent
		if err := kv.Unmarshal(it.Value(), &r, anyJSON); err != nil {
			return errors.Join(fmt.Errorf("function: queued event: %w", err), it.Close())
		}
		k := kv.ReadKey(it.Key())
		k.Uint64()
		q.addLocked(queueEntry{k.Uint64(), r.Function, r.Due, r.Record != nil}) // no other goroutine has the queue yet
	}
	return it.Close()
}

func (q *queue) addLocked(e queueEntry) {
	i, _ := slices.BinarySearchFunc(q.waiting, e, func(a, b queueEntry) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.seq, b.seq)) })
	q.waiting = slices.Insert(q.waiting, i, e)
}

func (q *queue) add(e queueEntry) {
	q.mu.Lock()
	q.addLocked(e)
	q.mu.Unlock()
	q.wake.Set()
}

// remove takes the events that wait for the function out of the index, whose rows
// the caller removes. Invocation records that wait for a destination stay, and so
// do events with an attempt under way: those find out by themselves that the
// function is gone.
func (q *queue) remove(name string) (out []queueEntry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(e queueEntry) bool {
		gone := e.name == name && !e.record
		if gone {
			out = append(out, e)
		}
		return gone
	})
	return out
}

// Enqueue takes an asynchronous invocation: it queues the event for the function
// and returns once it is durable. The function and its log see id as the request
// id; empty means a new UUID. Errors: ErrNotFound, ErrBacklog, ErrOff,
// process.ErrPayloadTooLarge, kv.ErrDiskFull.
func (fs *Functions) Enqueue(name, id string, payload []byte) error {
	if _, err := fs.find(name); err != nil {
		return err
	}
	if fs.opts.Off {
		return ErrOff
	}
	if len(payload) > maxEventBytes {
		return fmt.Errorf("%w: %d bytes, the limit is %d", process.ErrPayloadTooLarge, len(payload), maxEventBytes)
	}
	fs.queue.mu.Lock()
	waiting := len(fs.queue.waiting)
	fs.queue.mu.Unlock()
	if waiting >= maxQueued {
		return ErrBacklog
	}
	if id == "" {
		id = uuid.NewString()
	}
	now := fs.now()
	r := queuedEvent{Function: name, ID: id, Payload: payload, At: now, Due: now}
	value, err := json.Marshal(&r, anyJSON)
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
	// The index learns of the row after the commit. A crash between the two loses
	// nothing: open finds the row.
	fs.queue.add(queueEntry{seq: seq, name: name, due: now})
	return nil
}

// Waiting returns how many asynchronous invocations are queued or under way.
func (fs *Functions) Waiting() int {
	fs.queue.mu.Lock()
	defer fs.queue.mu.Unlock()
	n := len(fs.queue.waiting)
	for _, busy := range fs.queue.busy {
		n += busy
	}
	return n
}

// take hands out an event that is due and whose function has room for another
// attempt: it leaves waiting and counts as busy until free. Else pause is how long
// until the next is due.
func (q *queue) take() (e queueEntry, pause time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.fs.opts.Now()
	for i, e := range q.waiting {
		if pause := e.due.Sub(now); pause > 0 {
			return queueEntry{}, pause, false
		}
		if q.busy[e.name] < perFunction {
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.busy[e.name]++
			return e, 0, true
		}
	}
	return queueEntry{}, time.Hour, false
}

// free gives back the room that take counted.
func (q *queue) free(name string) {
	q.mu.Lock()
	if q.busy[name]--; q.busy[name] == 0 {
		delete(q.busy, name)
	}
	q.mu.Unlock()
	q.wake.Set()
}

// run attempts events until ctx ends, and waits for the attempts.
func (q *queue) run(ctx context.Context) {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	for {
		e, pause, ok := q.take()
		if ok {
			attempts.Go(func() { q.runAttempt(ctx, e) })
			continue
		}
		timer := time.NewTimer(pause)
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

// runAttempt makes one attempt and puts the event back if the attempt could not
// be recorded, as with a full disk.
func (q *queue) runAttempt(ctx context.Context, e queueEntry) {
	// free comes last: until the event is in waiting again or its row is gone,
	// Waiting counts it as busy.
	defer q.free(e.name)
	err := q.attempt(ctx, e)
	if err == nil || ctx.Err() != nil { // the row of an attempt that was cut off stays, for the next start
		return
	}
	q.fs.opts.Logger.Error("function: an attempt could not be recorded; it is made again", "function", e.name, "error", err)
	e.due = q.fs.opts.Now().Add(wait.Jitter(time.Minute))
	q.add(e)
}
