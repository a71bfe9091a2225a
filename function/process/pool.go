package process

import (
	"os"
	"slices"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// enqueue gives the invocation to a process that waits, or to the queue. The
// code is the newest that the caller saw.
func (f *Function) enqueue(inv *invocation, c *code) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return ErrClosed
	case len(f.queue) >= f.opts.MaxWaiting:
		return ErrBusy
	}
	f.replaceLocked(c)
	f.queue = append(f.queue, inv)
	f.matchLocked()
	return nil
}

// renew looks at the disk, has processes run what is there, and returns it.
func (f *Function) renew() *code {
	c := f.refresh() // takes codeMu, so mu must be free
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replaceLocked(c)
	return f.newest
}

// replaceLocked makes the code the one that processes run, if it is newer.
// Processes with older code that have no invocation end now, the others when
// they ask for the next.
func (f *Function) replaceLocked(c *code) {
	if c.generation <= f.newest.generation {
		return
	}
	f.newest = c
	for w := range f.workers {
		if w.state == starting || w.state == parked {
			f.stopLocked(w)
		}
	}
}

// matchLocked hands the queue to the processes that wait, the last one first,
// so that the others can grow idle, and has Run start more.
func (f *Function) matchLocked() {
	for len(f.queue) > 0 && len(f.parked) > 0 {
		w := f.parked[len(f.parked)-1]
		f.parked = f.parked[:len(f.parked)-1]
		f.handLocked(w)
	}
	if f.wantLocked() {
		f.wake.Set()
	}
}

// handLocked makes the oldest waiting invocation the worker's.
func (f *Function) handLocked(w *worker) {
	inv := f.queue[0]
	f.queue = slices.Delete(f.queue, 0, 1)
	inv.begun = time.Now()
	inv.deadline = f.opts.Now().Add(f.spec.Timeout)
	w.state, w.inv, w.delivered = busy, inv, false
	w.expireLocked(f.spec.Timeout)
	w.ready.Set()
}

// parkLocked has the worker wait for an invocation.
func (f *Function) parkLocked(w *worker) {
	if w.code != f.newest {
		f.stopLocked(w)
		return
	}
	w.state = parked
	w.expireLocked(f.opts.Idle)
	f.parked = append(f.parked, w)
	f.matchLocked()
}

// stopLocked has the worker end its process. It gets no invocation any more.
func (f *Function) stopLocked(w *worker) {
	if w.state == closing {
		return
	}
	w.state = closing
	f.unparkLocked(w)
	close(w.stop)
}

func (f *Function) unparkLocked(w *worker) {
	if i := slices.Index(f.parked, w); i >= 0 {
		f.parked = slices.Delete(f.parked, i, i+1)
	}
}

// wantLocked reports whether more invocations wait than processes are about to
// ask for one, and another process is allowed.
func (f *Function) wantLocked() bool {
	if len(f.queue) == 0 || len(f.workers) >= f.spec.Concurrency {
		return false
	}
	// A process that starts or has just answered is about to ask for work; each
	// takes one of those that wait. One with older code ends instead.
	coming := 0
	for w := range f.workers {
		if w.code == f.newest && (w.state == starting || w.state == answered) {
			coming++
		}
	}
	return len(f.queue) > coming
}

// recruit returns a new worker, or nil if none is wanted.
func (f *Function) recruit() *worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || !f.wantLocked() {
		return nil
	}
	f.started++
	w := &worker{
		f: f, code: f.newest, number: f.started,
		stop: make(chan struct{}), ready: wait.NewSignal(), timer: time.NewTimer(time.Hour),
	}
	w.expireLocked(max(f.opts.Init, f.spec.Timeout))
	f.workers[w] = struct{}{}
	return w
}

// close fails everything that waits or runs.
func (f *Function) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	// From here on enqueue refuses, recruit starts nothing and release answers
	// nothing: each invocation of before is answered here, once.
	f.closed = true
	for _, inv := range f.queue {
		inv.fail(ErrClosed)
	}
	f.queue = nil
	for w := range f.workers {
		if w.inv != nil {
			w.inv.fail(ErrClosed)
			w.inv = nil
		}
	}
}

// retire takes a worker whose process is gone out of the pool, and answers the
// invocation that it had. One that the process never read waits again, first.
func (f *Function) retire(w *worker, e ending) {
	// The answer comes first, forget second: until then the dead process counts
	// toward the concurrency, and its log is still there for the answer.
	if inv, result := f.release(w, e); inv != nil {
		inv.succeed(result)
	}
	if f.forget(w) && w.scratch != "" {
		_ = os.RemoveAll(generationDir(w.scratch, w.code)) // else it goes with the rest when Run ends
	}
}

// forget takes the worker out, and reports whether it was the last one with
// its code and there will be no other.
func (f *Function) forget(w *worker) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unparkLocked(w)
	delete(f.workers, w)
	f.matchLocked()
	for other := range f.workers {
		if other.code == w.code {
			return false
		}
	}
	return w.code != f.newest
}

// release decides what the end of a process means for which invocation.
func (f *Function) release(w *worker, e ending) (*invocation, Result) {
	failedInit := e.state == starting && e.cause != causeStopped
	if failedInit && f.renew() != w.code {
		return nil, Result{} // the code on disk is newer: a process with that one is tried first
	}
	f.mu.Lock()
	inv := w.inv
	w.inv = nil // whoever sets it to nil under mu answers it: here, finish or close
	switch {
	case f.closed: // close has answered it
		f.mu.Unlock()
		return nil, Result{}
	case inv != nil && !w.delivered: // the process never read it: another one gets it, first
		f.queue = slices.Insert(f.queue, 0, inv)
		inv = nil
	case inv == nil && failedInit && len(f.queue) > 0:
		// Invariant 4: one invocation is answered with why the process did not start,
		// else a broken function would start processes for ever.
		inv = f.queue[0]
		f.queue = slices.Delete(f.queue, 0, 1)
		inv.begun = time.Now()
	}
	f.mu.Unlock()
	if inv == nil {
		return nil, Result{}
	}
	return inv, w.failure(inv, e, failedInit)
}
