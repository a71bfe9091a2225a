package process

import "slices"

// A worker's turn is one round of the Runtime API: next, response or error. The
// requests come from a process that may do anything, in any order and several at
// once, so each looks at the state under Function.mu.

// reported notes why the process cannot start, and has it end. It reports whether
// that is still for the process to say: before it asked for work.
func (w *worker) reported(why []byte) bool {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.state != starting {
		return false
	}
	w.initError = why
	w.f.stopLocked(w)
	return true
}

// current returns the invocation that the process works on, or nil.
func (w *worker) current() *invocation {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.state != busy {
		return nil
	}
	return w.inv
}

// finish takes the invocation from the worker, if that is busy with it, and with it
// the duty to answer: a timeout that comes later finds no invocation, an answer that
// comes later is refused.
func (w *worker) finish(inv *invocation) bool {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.state != busy || w.inv != inv {
		return false
	}
	w.state, w.inv = answered, nil
	return true
}

// await parks the worker until it has an invocation; first says that it has not
// been handed out before. It returns nil when the process is to end, or when
// the request is gone.
func (w *worker) await(gone <-chan struct{}) (inv *invocation, first bool) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.asking++
	for {
		// A request that is gone must not take an invocation: nobody would read it.
		select {
		case <-gone:
			w.asking--
			w.leaveLocked()
			return nil, false
		default:
		}
		if w.state == starting || w.state == answered {
			w.f.parkLocked(w)
		}
		if w.state == busy {
			// Another request of the same process may have read the event already; it
			// gets the same one, as from Lambda.
			w.asking--
			first = !w.delivered
			w.delivered = true
			return w.inv, first
		}
		// The lock is free while the request waits. handLocked sets ready after it
		// set the state, so that no hand-over is missed in between.
		w.f.mu.Unlock()
		select {
		case <-w.ready:
		case <-gone:
		}
		w.f.mu.Lock()
	}
}

// leaveLocked is for a request for work that ended without any. If it was the
// last one, the worker gets nothing until the process asks again, and what it
// was given but did not read goes to another.
func (w *worker) leaveLocked() {
	if w.asking > 0 {
		w.ready.Set() // this one may have consumed the signal that was for another
		return
	}
	switch {
	case w.state == busy && !w.delivered:
		w.f.queue = slices.Insert(w.f.queue, 0, w.inv)
		w.inv = nil
	case w.state == parked:
		w.f.unparkLocked(w)
	default:
		return
	}
	w.state = answered
	w.expireLocked(w.f.spec.Timeout)
	w.f.matchLocked()
}
