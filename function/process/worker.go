package process

import (
	"context"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// How often a process's memory is looked at.
const memoryPeriod = 100 * time.Millisecond

// A state is where a process is in the Runtime API's cycle:
//
//	starting ─next─▶ parked ─event─▶ busy ─response─▶ answered ─next─▶ parked
//
// and ending from any of them.
type state int

const (
	starting state = iota
	parked
	busy
	answered
	closing
)

// A worker is one process and its end of the Runtime API. Fields below mu are
// guarded by Function.mu.
type worker struct {
	f      *Function
	code   *code
	number uint64        // counts processes, from 1
	stop   chan struct{} // closed to have the process end
	ready  wait.Signal   // wakes a request for work, after a change of state
	timer  *time.Timer   // goes off at expires or before
	logs   *logs         // set before the process starts
	// scratch is the function's temporary folder when the process was started.
	scratch string
	proc    *process // nil until the process is started

	// mu
	state     state
	inv       *invocation // what a busy process works on
	delivered bool        // a request for work has taken inv
	asking    int         // requests for work that wait
	expires   time.Time   // when the state has lasted too long
	initError []byte      // what the process reported about its start
	peak      int64       // bytes, the most memory seen
}

// A cause is why a process ended.
type cause int

const (
	causeExit     cause = iota // by itself
	causeRefused               // it could not be started
	causeStopped               // it was asked to: idle, old code, or Run ended
	causeTimeout               // it overran
	causeMemory                // it used too much memory
	causeReported              // it reported that it cannot start
)

// An ending is how a process ended.
type ending struct {
	cause  cause
	state  state  // that it was in
	status string // of the process: "exit status 1"
	err    error  // of causeRefused
}

// expireLocked gives the worker so much time in its present state.
func (w *worker) expireLocked(d time.Duration) {
	w.expires = time.Now().Add(d)
	w.timer.Reset(d)
}

// run lives as long as the process.
func (w *worker) run(ctx context.Context) {
	w.f.retire(w, w.live(ctx))
}

// live starts the process, serves it and sees it end.
func (w *worker) live(ctx context.Context) ending {
	defer w.timer.Stop()
	f := w.f
	l, err := w.launch()
	if err != nil {
		w.logs = newLogs(nil, &f.opts)
		return ending{cause: causeRefused, err: err}
	}
	w.scratch = l.runtimeDir
	server, err := serve(w)
	if err != nil {
		w.logs = newLogs(nil, &f.opts)
		return ending{cause: causeRefused, err: err}
	}
	defer server.close()
	stream := fmt.Sprintf("%s/[%s]%08x", f.opts.Now().UTC().Format("2006/01/02"), Version, w.number)
	w.proc, err = startProcess(ctx, l.argv, f.spec.Dir, f.environ(l, server.addr(), stream), f.opts.User)
	if err != nil {
		w.logs = newLogs(nil, &f.opts)
		return ending{cause: causeRefused, err: err}
	}
	w.logs = newLogs(w.proc.output, &f.opts)
	server.start()
	reading := make(chan struct{})
	go func() { defer close(reading); w.logs.read() }()
	e := w.watch(ctx)
	// The process is gone and its worker takes no request any more. Its children
	// are killed before the last of the log is read, as they may still write; the
	// server closes after that, by the deferred call.
	w.proc.clear()
	w.logs.drain()
	w.logs.close()
	<-reading
	return e
}

func (w *worker) launch() (*launch, error) {
	if w.code.err != nil {
		return nil, w.code.err
	}
	return w.f.launch(w.code)
}

// watch waits for the end of the process, and ends it when it must.
func (w *worker) watch(ctx context.Context) ending {
	memory := time.NewTicker(memoryPeriod)
	defer memory.Stop()
	for {
		select {
		case <-w.proc.exited:
			return w.ending(causeExit)
		case <-ctx.Done():
			return w.end(causeStopped)
		case <-w.stop:
			return w.end(causeStopped)
		case <-w.timer.C:
			if cause, over := w.expired(); over {
				return w.end(cause)
			}
		case <-memory.C:
			if w.measure() > int64(w.f.spec.MemoryMB)<<20 {
				return w.end(causeMemory)
			}
		}
	}
}

// ending closes the worker to invocations and notes the state that it was in.
func (w *worker) ending(c cause) ending {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	// Read and closed in one step: a response that comes after it is refused, one
	// that came before it has taken the invocation.
	e := ending{cause: c, state: w.state}
	if w.initError != nil {
		e.cause, e.state = causeReported, starting
	}
	if w.state != closing {
		w.state = closing
		w.f.unparkLocked(w)
	}
	if c == causeExit {
		e.status = w.proc.status()
	}
	return e
}

// end ends the process: politely if it does nothing wrong.
func (w *worker) end(c cause) ending {
	e := w.ending(c)
	if c == causeStopped {
		w.proc.terminate(w.f.opts.Grace)
	} else {
		w.proc.kill()
	}
	e.status = w.proc.status()
	return e
}

// expired reports whether the state has lasted too long, and what that means.
func (w *worker) expired() (cause, bool) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if left := time.Until(w.expires); left > 0 {
		w.timer.Reset(left)
		return 0, false
	}
	if w.state == parked {
		return causeStopped, true
	}
	return causeTimeout, true
}

// measure returns the memory that the process and its children use, in bytes.
func (w *worker) measure() int64 {
	now := w.proc.memory()
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.peak = max(w.peak, now)
	return now
}
