package process

import "slices"

// reported notes why the process cannot start, and has it end.
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

// finish takes the invocation from the worker, if it is busy with it.
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
			w.asking--
			first = !w.delivered
			w.delivered = true
			return w.inv, first
		}
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
		w.wakeLocked()
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

// wakeLocked has the requests for work look again.
func (w *worker) wakeLocked() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}
