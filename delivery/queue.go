package delivery

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tablecast/tablecast/target"
)

const (
	// pageRows is how many rows of one kind, fresh or waiting, are read from the
	// disk at once.
	pageRows = 64
	// scanRows bounds the rows looked at for one page.
	scanRows = 4096
	// headsLimit bounds the groups whose lowest seq is remembered.
	headsLimit = 1024
	// idleTime is how long a goroutine waits for another call while there are
	// none.
	idleTime = time.Second
)

// A destination is what Set gives a queue.
type binding struct {
	policy Policy
	target target.Target
}

// release lets go of connections that no call of the target uses.
func (d *binding) release() {
	if d == nil {
		return
	}
	if c, ok := d.target.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// A queue hands over the rows of one QueueID. Its loop is the only one to
// start attempts, so what it keeps about rows needs no lock.
type queue struct {
	q       *Queues
	id      QueueID
	binding atomic.Pointer[binding]
	wakeup  chan struct{}
	stale   atomic.Bool   // the disk may hold rows to start that load has not seen
	gone    chan struct{} // closed by Remove
	removed bool          // guarded by Queues.mu, changed under the commit lock
	running bool          // guarded by Queues.mu

	// Owned by the loop.
	ready          []*row              // read from the disk, not started; at most two pages, two more of outlived rows, and promoted rows
	busy           map[uint64]*row     // in ready, started or unsettled
	groups         map[string]struct{} // groups of busy rows
	cursor         uint64              // rows below have been looked at once
	calls          int                 // running
	idle           int                 // goroutines that have made a call and wait for another
	next           time.Time           // when the next waiting row is due; zero if none waits
	noneWaiting    bool                // no row waits, but for busy ones; load need not look
	checkStranded  bool                // rows may be stranded, see loadStranded
	waitFloor      time.Time           // no row that load should take waits until before it
	nextExpiryScan time.Time           // when outlived looks at the disk again
	groupHeads     map[string]uint64   // no row of the group is below; some groups only
	breaker        breaker

	mu          sync.Mutex   // a leaf
	ended       []callResult // of calls that ended since the loop looked
	settled     []transition // durable
	redrivenDue time.Time    // the lowest due time of rows that Redrive added since; zero for none
	state       state
}

// A state is what humans want to know about a queue.
type state struct {
	calls     int
	failures  int // in a row
	lastError string
	errorAt   time.Time
	probeAt   time.Time // when the next probe is due; zero while the gate is open
}

func newQueue(q *Queues, id QueueID) *queue {
	return &queue{
		q: q, id: id, wakeup: make(chan struct{}, 1), gone: make(chan struct{}),
		busy: map[uint64]*row{}, groups: map[string]struct{}{}, groupHeads: map[string]uint64{},
	}
}

// wake makes the loop look at the disk.
func (w *queue) wake() {
	w.stale.Store(true)
	signal(w.wakeup)
}

// loop starts attempts until stop ends or the queue is removed, then waits for
// them. calls is the context of the attempts.
func (w *queue) loop(stop, calls context.Context, results chan<- transition) error {
	w.reset()
	defer func() { w.binding.Load().release() }()
	var callers sync.WaitGroup
	defer callers.Wait()
	calls, cancel := context.WithCancel(calls)
	defer cancel() // what still runs belongs to a queue that was removed or has failed
	jobs := make(chan job)
	dismiss := sync.OnceFunc(func() { close(jobs) })
	defer dismiss()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := w.collect(); err != nil {
			return err
		}
		err := w.start(results, func(j job) {
			if w.idle > 0 {
				w.idle--
				jobs <- j // one that has told of its end is on its way here
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
			dismiss()
			callers.Wait() // ends at the latest with calls
			return nil
		}
	}
}

// A job is a row to attempt; without a row it sends a goroutine home.
type job struct {
	row  *row
	dest *binding
}

// makeCalls makes a call and the calls of the jobs that come after it. The stack
// that one call needs is there for the next.
func (w *queue) makeCalls(ctx context.Context, j job, jobs <-chan job, results chan<- transition) {
	for ok := true; ok && j.row != nil; j, ok = <-jobs {
		w.attempt(ctx, j.row, j.dest, results)
	}
}

// pause is how long to sleep unless woken. While rows are ready, what they wait
// for counts, not when further ones are due.
func (w *queue) pause() time.Duration {
	at := w.next
	switch {
	case w.calls >= w.binding.Load().policy.Concurrency:
		at = time.Time{} // a call that ends wakes the loop
	case len(w.ready) > 0:
		at = w.breaker.next()
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

// reset forgets what an earlier Run left in memory.
func (w *queue) reset() {
	w.ready, w.cursor, w.calls, w.idle, w.next, w.checkStranded = nil, 0, 0, 0, time.Time{}, true
	w.breaker, w.noneWaiting, w.nextExpiryScan = breaker{}, false, time.Time{}
	w.stale.Store(true)
	w.waitFloor = time.Unix(0, 0)
	clear(w.groupHeads)
	clear(w.busy)
	clear(w.groups)
	w.mu.Lock()
	w.ended, w.settled, w.redrivenDue = nil, nil, time.Time{}
	w.mu.Unlock()
}

// collect takes in what attempts and the settler have reported, and lets the
// groups of settled rows go on.
func (w *queue) collect() error {
	w.mu.Lock()
	ended, settled, given := w.ended, w.settled, w.redrivenDue
	w.ended, w.settled, w.redrivenDue = nil, nil, time.Time{}
	w.mu.Unlock()
	w.calls -= len(ended)
	w.idle += len(ended)
	if len(ended) > 0 {
		now := w.q.now()
		for _, v := range ended {
			w.breaker.record(v, now)
		}
	}
	if !given.IsZero() {
		w.noneWaiting = false
		w.stale.Store(true)
		if given.Before(w.waitFloor) {
			w.waitFloor = given
		}
	}
	for _, o := range settled {
		delete(w.busy, o.from.seq)
		if o.from.group != "" {
			delete(w.groups, o.from.group)
		}
		if o.retry == nil {
			continue
		}
		w.noneWaiting = false
		w.stale.Store(true) // it waits now; what load saw of it before does not count
		if o.retry.due.Before(w.waitFloor) {
			w.waitFloor = o.retry.due
		}
	}
	for _, o := range settled {
		if err := w.promote(o.from); err != nil {
			return err
		}
	}
	return nil
}

// start starts what may be started. What may not, and is too old, is given up.
func (w *queue) start(results chan<- transition, run func(job)) error {
	d := w.binding.Load()
	for w.calls < d.policy.Concurrency {
		if len(w.ready) == 0 && w.stale.Swap(false) {
			if err := w.load(d.policy); err != nil {
				return err
			}
		}
		if len(w.ready) == 0 {
			return nil
		}
		i, admitted := 0, w.breaker.admit(w.q.now, d.policy.Rate)
		if !admitted {
			var err error
			if i, err = w.findExpired(d.policy); err != nil || i < 0 {
				return err
			}
		}
		r := w.ready[i]
		w.ready = slices.Delete(w.ready, i, i+1)
		if !admitted {
			results <- w.expire(r, d)
			continue
		}
		w.calls++
		run(job{r, d})
	}
	return nil
}

// note publishes the loop's view.
func (w *queue) publishState() {
	w.mu.Lock()
	w.state.calls, w.state.probeAt = w.calls, time.Time{}
	if w.breaker.open {
		w.state.probeAt = w.breaker.probeAt
	}
	w.mu.Unlock()
}
