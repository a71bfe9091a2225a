package delivery

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// A QueueID names a queue: a target of a rule of a bus.
type QueueID struct{ Bus, Rule, Target string }

// A Policy says where a queue delivers to, how it retries and in which order.
type Policy struct {
	// ARN names the target, for Options.Targets.
	ARN string
	// MaxAttempts bounds all attempts, the first included. The default is 186:
	// EventBridge's 185 retries.
	MaxAttempts int
	// MaxAge is how long an event may stay pending. The default is 24 h.
	MaxAge time.Duration
	// Concurrency bounds the calls that run at the same time. The default is 32.
	Concurrency int
	// Rate bounds the calls that start in a second. The default is no bound.
	Rate int
	// Ordered delivers the events of one group one after the other, by seq.
	Ordered bool
	// minBackoff and maxBackoff bound the pause before a retry, which doubles
	// with each attempt and has jitter. The defaults are 1 s and 10 min; tests
	// shorten them.
	minBackoff, maxBackoff time.Duration
	// Input makes the body from the event. The default is the envelope. Its
	// errors are permanent failures.
	Input func(*event.Event) ([]byte, error)
	// Params makes the parameter blocks that the target gets beside the body,
	// as HttpParameters. The default is none. Its errors are permanent failures.
	Params func(*event.Event) (map[string]jsontext.Value, error)
}

func (p Policy) withDefaults() Policy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 186
	}
	if p.MaxAge == 0 {
		p.MaxAge = 24 * time.Hour
	}
	if p.Concurrency == 0 {
		p.Concurrency = 32
	}
	if p.minBackoff == 0 {
		p.minBackoff = time.Second
	}
	if p.maxBackoff == 0 {
		p.maxBackoff = 10 * time.Minute
	}
	return p
}

// Options configure Queues. Targets and Events must be set.
type Options struct {
	// Targets opens the target of an ARN.
	Targets func(arn string) (target.Target, error)
	// Events looks up the event that a bus stored under seq. An error that
	// wraps kv.ErrNotFound is final: the event was deleted.
	Events func(bus string, seq uint64) (*event.Event, error)
	// Restore stores an event again, with the batch, so that Events finds it.
	// Redrive calls it with the copy that a dead letter kept.
	Restore func(b *kv.Batch, bus string, seq uint64, e *event.Event)
	// Attempts notes each event while what the target is sent is made of it: one
	// at which two processes ended becomes a dead letter. The default notes
	// nothing.
	Attempts *attempt.Log
	// OnAttempt is called with each attempt that has ended, before its outcome
	// is durable, from many goroutines; it must be quick. The default does
	// nothing.
	OnAttempt func(Attempt)
	// Now is the wall clock, read once, at Open. The default is time.Now.
	Now func() time.Time
	// Grace is how long running attempts may go on after Run's context has
	// ended. The default is 2 s.
	Grace time.Duration
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.OnAttempt == nil {
		o.OnAttempt = func(Attempt) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Grace == 0 {
		o.Grace = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Queues are all queues of a store. Methods may be called from any goroutine,
// except where they say otherwise.
type Queues struct {
	store      *kv.Store
	opts       Options
	process    uint64    // random; identifies ages that this process measured
	start      time.Time // monotonic origin
	wall       time.Time // wall clock at start
	queueAdded wait.Signal

	deadMu    sync.Mutex // held by Redrive, Drop and SendDead, from reading dead letters to removing them
	redriveMu sync.Mutex // held while dead letters become rows

	// mu guards what is below. It is a leaf: no lock is taken while it is held.
	// Counters and the set of queues change inside commits, so that they agree
	// with the rows; only Set adds queues outside of them.
	mu     sync.Mutex
	queues map[QueueID]*queue
	counts map[QueueID]*Counts
	ofRule map[ruleID][]*Counts // the counters of the targets that a rule ever had
	oldest map[QueueID]uint64   // no row of the queue is below
}

// Open reads the counters of a store. Queues must be made known with Set
// before Run delivers for them.
func Open(store *kv.Store, o Options) (*Queues, error) {
	o = o.withDefaults()
	q := &Queues{
		store: store, opts: o, process: rand.Uint64(), start: time.Now(), wall: o.Now(),
		queueAdded: wait.NewSignal(),
		queues:     map[QueueID]*queue{}, counts: map[QueueID]*Counts{}, ofRule: map[ruleID][]*Counts{}, oldest: map[QueueID]uint64{},
	}
	if err := q.loadCounts(); err != nil {
		return nil, err
	}
	return q, nil
}

// elapsed is the time since Open, by the monotonic clock.
func (q *Queues) elapsed() time.Duration { return time.Since(q.start) }

// now is the wall clock as it was at Open, advanced by the monotonic clock: it
// does not jump.
func (q *Queues) now() time.Time { return q.wallAt(q.elapsed()) }

// wallAt is what now shows when elapsed shows d.
func (q *Queues) wallAt(d time.Duration) time.Time { return q.wall.Add(d).Round(0) }

// Set adds a queue or replaces its policy and target. If the target cannot be
// opened, attempts fail and are retried until Set replaces it. Set must be
// called before the first Enqueue for the queue, and not at the same time as
// another Set or Remove of it.
func (q *Queues) Set(id QueueID, p Policy) {
	p = p.withDefaults()
	t, err := q.opts.Targets(p.ARN)
	if err != nil {
		t = unopened{err}
	}
	bound := &binding{policy: p, target: t}
	q.mu.Lock()
	w, ok := q.queues[id]
	if !ok {
		w = newQueue(q, id)
		q.queues[id] = w
	}
	q.countsOf(id)
	q.mu.Unlock()
	// Attempts that are running keep the old target, whose idle connections are
	// closed here; the loop takes the new one for its next attempt.
	w.binding.Swap(bound).release()
	w.wake()
	q.queueAdded.Set()
}

// Remove removes a queue with the commit of b: its rows are deleted and counted as
// dropped, and what Enqueue adds to it later counts as dropped.
func (q *Queues) Remove(b *kv.Batch, id QueueID) {
	for _, kind := range [...]byte{kindRow, kindWait, kindGroup} {
		p := id.key(kind)
		b.DeleteRange(p, tuple.PrefixEnd(p))
	}
	// Inside the commit: Enqueue and the settler run there, too, so every row is
	// counted once, as what it ended as before this commit or as dropped here.
	b.Number(1, func(uint64) {
		q.mu.Lock()
		defer q.mu.Unlock()
		w := q.queues[id]
		if w == nil {
			return
		}
		delete(q.queues, id)
		w.removed = true
		close(w.gone)
		c := q.counts[id]
		c.Dropped += c.Pending()
		b.Set(id.countKey(), c.encode())
	})
}

// An Entry is an event that is added to a queue.
type Entry struct {
	Queue QueueID
	// Seq is the number under which the bus stores the event.
	Seq uint64
	// Group is the event's ordering key; "" for none.
	Group string
}

// Enqueue adds rows to queues. It must be called inside a fill of b.Number, so
// that counters and rows change in commit order, and once for a batch, as it
// writes each counter once. An event for a queue that was removed meanwhile
// counts as dropped.
func (q *Queues) Enqueue(b *kv.Batch, entries []Entry) {
	at := q.elapsed()
	r := row{process: q.process, measuredAt: at, queuedAt: q.wallAt(at)}
	touched := make(map[QueueID]*Counts, 1)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		c := q.countsOf(e.Queue)
		touched[e.Queue] = c
		c.Matched++
		w := q.queues[e.Queue]
		if w == nil {
			c.Dropped++
			continue
		}
		r.seq, r.group = e.Seq, ""
		if w.binding.Load().policy.Ordered {
			r.group = e.Group
		}
		if r.group != "" {
			b.Set(e.Queue.groupKey(r.group, e.Seq), nil)
		}
		b.Set(e.Queue.rowKey(e.Seq), r.stored())
	}
	for id, c := range touched {
		b.Set(id.countKey(), c.encode())
	}
}

// Wake tells queues that rows have become durable, after the commit of Enqueue's
// batch. Without it the rows are found within the hour.
func (q *Queues) Wake(ids ...QueueID) {
	for _, id := range ids {
		q.mu.Lock()
		w := q.queues[id]
		q.mu.Unlock()
		if w != nil {
			w.wake()
		}
	}
}
