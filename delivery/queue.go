package delivery

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/target"
)

const (
	// pageRows is how many rows of one kind, new or waiting, one load takes.
	pageRows = 64
	// scanRows bounds the rows that are read for one page.
	scanRows = 4096
	// headsLimit bounds the groups whose head is remembered.
	headsLimit = 1024
	// idleTime is how long a goroutine stays for the next call.
	idleTime = time.Second
)

// A binding is the target that a queue calls, with its policy; Set swaps both at
// once.
type binding struct {
	policy Policy
	target target.Target
}

// release closes connections that no call of the target uses.
func (b *binding) release() {
	if b == nil {
		return
	}
	if c, ok := b.target.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// A queue delivers the rows of one QueueID. Three kinds of goroutines share it:
//
//   - its loop, which alone reads rows from the store and starts attempts;
//   - callers, which make the attempts and report their ends under mu;
//   - the settler of Queues, which makes what the attempts decided durable and
//     reports that under mu.
//
// Reports set wakeup after they released mu, so the loop, which collects them
// first thing in each round, misses none.
type queue struct {
	q       *Queues
	id      QueueID
	binding atomic.Pointer[binding]
	wakeup  wait.Signal
	stale   atomic.Bool   // the store may hold rows to start that load has not read
	gone    chan struct{} // closed by Remove, inside its commit
	removed bool          // guarded by Queues.mu and the commit lock of the store
	running bool          // has a loop; guarded by Queues.mu

	// Owned by the loop.
	ready          []*row              // loaded and not started: at most two pages, two more of expired rows, and promoted rows
	busy           map[uint64]*row     // ready, started or not settled so far; load skips them
	groups         map[string]struct{} // groups of busy rows; of each group at most one row is busy
	cursor         uint64              // rows below were loaded, or stand behind the head of their group
	calls          int                 // attempts that are running
	idle           int                 // callers that wait for a job
	next           time.Time           // when the next waiting row is due; zero if none waits
	noneWaiting    bool                // no row waits but busy ones, so loadDue need not scan
	checkStranded  bool                // loadStranded has not seen all rows so far
	waitFloor      time.Time           // the waiting rows that are due before it are busy
	nextExpiryScan time.Time           // when findExpired reads the store again
	groupHeads     map[string]uint64   // for some groups a seq below which they have no row
	breaker        breaker
	limiter        limiter

	// mu guards what is below. It is a leaf: no lock is taken while it is held.
	mu          sync.Mutex
	ended       []callResult // results of attempts that ended since collect
	settled     []transition // made durable since collect
	redrivenDue time.Time    // the earliest due time of rows that Redrive added since collect; zero for none
	state       state
}

// A state is what QueueState shows of a queue.
type state struct {
	calls     int
	failures  int // in a row
	lastError string
	errorAt   time.Time
	probeAt   time.Time // when the next probe is due; zero while the breaker is closed
}

func newQueue(q *Queues, id QueueID) *queue {
	return &queue{
		q: q, id: id, wakeup: wait.NewSignal(), gone: make(chan struct{}),
		busy: map[uint64]*row{}, groups: map[string]struct{}{}, groupHeads: map[string]uint64{},
	}
}

// wake makes the loop load rows. Whoever made rows durable calls it afterwards.
func (w *queue) wake() {
	w.stale.Store(true)
	w.wakeup.Set()
}

// loop starts attempts until stop ends or the queue is removed, and then waits
// for those that are running. calls is the context of the attempts.
func (w *queue) loop(stop, calls context.Context, results chan<- transition) error {
	w.reset()
	defer func() { w.binding.Load().release() }()
	var callers sync.WaitGroup
	defer callers.Wait()
	calls, cancel := context.WithCancel(calls)
	defer cancel() // before the Wait: ends the attempts of a queue that was removed or has failed
	jobs := make(chan job)
	dismiss := sync.OnceFunc(func() { close(jobs) })
	defer dismiss() // before the Wait: callers without a job wait for one
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := w.collect(); err != nil {
			return err
		}
		err := w.start(results, func(j job) {
			if w.idle > 0 {
				// A caller that has reported the end of its attempt is about
				// to receive, so the send does not block for long.
				w.idle--
				jobs <- j
				return
			}
			callers.Go(func() { w.makeCalls(calls, j, jobs, results) })
		})
		if err != nil {
			return err
		}
		w.publishState()
		timer.Reset(w.pause())
		select {
		case <-w.wakeup:
		case <-timer.C:
			w.stale.Store(true)
			for ; w.calls == 0 && w.idle > 0; w.idle-- {
				jobs <- job{}
			}
		case <-w.gone:
			return nil
		case <-stop.Done():
			// Attempts that are running get the grace of Run: calls ends after
			// it. Their transitions still reach the settler, which Run stops
			// last.
			dismiss()
			callers.Wait()
			return nil
		}
	}
}

// A job is a row to attempt; one without a row ends the caller.
type job struct {
	row     *row
	binding *binding
}

// makeCalls makes the attempt of a job and of the jobs that follow. A goroutine
// is used again because its stack has grown to what a call needs.
func (w *queue) makeCalls(ctx context.Context, j job, jobs <-chan job, results chan<- transition) {
	notes := w.q.opts.Attempts.Worker()
	defer notes.Close()
	for ok := true; ok && j.row != nil; j, ok = <-jobs {
		w.attempt(ctx, j.row, j.binding, notes, results)
	}
}

// pause returns how long the loop sleeps unless it is woken. While rows are
// ready, it is until one of them may start, not until others are due.
func (w *queue) pause() time.Duration {
	at := w.next
	switch {
	case w.calls >= w.binding.Load().policy.Concurrency:
		at = time.Time{} // an attempt that ends wakes the loop
	case len(w.ready) > 0:
		at = w.nextAdmission()
	}
	longest := time.Hour
	if w.idle > 0 {
		longest = idleTime
	}
	if at.IsZero() {
		return longest
	}
	return min(max(at.Sub(w.q.now()), 0), longest)
}

// reset forgets what the loop of an earlier Run left in memory. All of it was
// read from the store, which has it again.
func (w *queue) reset() {
	w.ready, w.cursor, w.calls, w.idle, w.next, w.checkStranded = nil, 0, 0, 0, time.Time{}, true
	w.breaker, w.limiter, w.noneWaiting, w.nextExpiryScan = newBreaker(), limiter{}, false, time.Time{}
	w.stale.Store(true)
	w.waitFloor = time.Unix(0, 0)
	clear(w.groupHeads)
	clear(w.busy)
	clear(w.groups)
	w.mu.Lock()
	w.ended, w.settled, w.redrivenDue = nil, nil, time.Time{}
	w.mu.Unlock()
}

// collect takes what callers, the settler and Redrive have reported.
func (w *queue) collect() error {
	w.mu.Lock()
	ended, settled, redriven := w.ended, w.settled, w.redrivenDue
	w.ended, w.settled, w.redrivenDue = nil, nil, time.Time{}
	w.mu.Unlock()
	w.calls -= len(ended)
	w.idle += len(ended)
	if len(ended) > 0 {
		now := w.q.now()
		for _, r := range ended {
			w.breaker.ended(r, now)
		}
	}
	if !redriven.IsZero() {
		w.expectWaiting(redriven)
	}
	// A row stays busy from load until its transition is durable, not until its
	// attempt ends: between the two the store still shows it as it was, and load
	// would start it a second time.
	for _, t := range settled {
		delete(w.busy, t.from.seq)
		if t.from.group != "" {
			delete(w.groups, t.from.group)
		}
		if t.retry != nil {
			w.expectWaiting(t.retry.due)
		}
	}
	// After all of them: the next row of a group starts only when no row of the
	// group is busy.
	for _, t := range settled {
		if err := w.promote(t.from); err != nil {
			return err
		}
	}
	return nil
}

// expectWaiting makes the next load look for waiting rows that are due from a
// time on.
func (w *queue) expectWaiting(due time.Time) {
	w.noneWaiting = false
	w.stale.Store(true)
	if due.Before(w.waitFloor) {
		w.waitFloor = due
	}
}

// start starts ready rows as far as concurrency, breaker and limiter allow. Of
// rows that they hold back, those past their maximal age become dead letters.
func (w *queue) start(results chan<- transition, run func(job)) error {
	b := w.binding.Load()
	for w.calls < b.policy.Concurrency {
		// The flag is cleared before the store is read: a commit that comes in
		// between sets it again, and the row is found now or by the next load.
		if len(w.ready) == 0 && w.stale.Swap(false) {
			if err := w.load(b.policy); err != nil {
				return err
			}
		}
		if len(w.ready) == 0 {
			return nil
		}
		i, admitted := 0, w.admit(b.policy.Rate)
		if !admitted {
			var err error
			if i, err = w.findExpired(b.policy); err != nil || i < 0 {
				return err
			}
		}
		r := w.ready[i]
		w.ready = slices.Delete(w.ready, i, i+1)
		if !admitted {
			results <- w.expire(r, b)
			continue
		}
		w.calls++
		run(job{r, b})
	}
	return nil
}

// publishState shows States what only the loop knows.
func (w *queue) publishState() {
	w.mu.Lock()
	w.state.calls, w.state.probeAt = w.calls, time.Time{}
	if w.breaker.open {
		w.state.probeAt = w.breaker.probeAt
	}
	w.mu.Unlock()
}
