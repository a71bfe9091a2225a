package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
)

// Functions are all functions of a store. The methods may be called from any
// goroutine; Run must run for functions to run.
type Functions struct {
	store *kv.Store
	opts  Options

	// control is held while functions are created, updated, deleted, declared or
	// repaired: from reading the entry in force to putting the next one. It is taken
	// before mu and held while the store commits; mu is not.
	control sync.Mutex

	mu     sync.Mutex
	byName map[string]*entry // guarded by mu
	fresh  []*instance       // guarded by mu; those that Run has not started
	wake   wait.Signal       // set when fresh has grown

	queue queue
}

// An entry is one function in force. fn never changes: an update makes the next
// entry.
type entry struct {
	fn    *Function
	inst  *instance // nil if the function could not be opened
	state State
	fault *process.Error // why inst is nil
}

func functionKey(name string) kv.Key { return kv.NewKey('f').Uint64(0).String(name) }

// Open reads the functions of the store and opens them. A declared function
// that cannot be opened is an error, and so is an Options.Dir in which something else
// than code is; a function that came over the API says in its State why it cannot run.
func Open(store *kv.Store, o Options) (*Functions, error) {
	fs := &Functions{store: store, opts: o.withDefaults(), byName: map[string]*entry{}, wake: wait.NewSignal()}
	if fs.opts.Dir != "" {
		if err := fs.clear(); err != nil {
			return nil, fmt.Errorf("function: %w", err)
		}
	}
	if err := process.Sweep(fs.opts.Function.TempDir); err != nil {
		fs.opts.Logger.Warn("function: temporary folders of a node that was killed stay", "error", err)
	}
	if err := fs.load(); err != nil {
		return nil, err
	}
	// Before the file's functions hide any of those that are stored, whose code is
	// still theirs.
	if err := fs.sweep(); err != nil {
		return nil, err
	}
	if err := fs.Declare(o.Declared); err != nil {
		return nil, err
	}
	return fs, fs.queue.open(fs)
}

// load takes in the functions of the store.
func (fs *Functions) load() error {
	it := fs.store.Scan(kv.Prefix(kv.NewKey('f').Uint64(0)))
	defer it.Close()
	for it.Next() {
		if err := fs.loadOne(it.Value()); err != nil {
			return err
		}
	}
	return it.Close()
}

// loadOne takes in a function as the store has it.
func (fs *Functions) loadOne(stored []byte) error {
	f := &Function{}
	if err := kv.Unmarshal(stored, f); err != nil {
		return fmt.Errorf("function: %w", err)
	}
	e := fs.restart(f)
	if e.fault != nil && !fs.opts.Off {
		fs.opts.Logger.Error("function: it cannot run", "function", f.Name, "error", e.fault)
	}
	fs.put(e)
	return nil
}

// restart starts a function as it was read from the store, whose code may have to
// be unpacked. One whose code is damaged, or has no room, fails alone: the node
// and its other functions go on.
func (fs *Functions) restart(stored *Function) *entry {
	if stored.Dir != "" {
		return fs.start(stored)
	}
	f := *stored
	if fs.opts.Off {
		return fs.start(&f)
	}
	var err error
	if f.Dir, err = fs.restore(&f.Code); err != nil {
		fault := &process.Error{Function: f.Name, Code: codeStart, Msg: err.Error(), Fix: "update its code"}
		return &entry{fn: stored, fault: fault, state: stateOf(fault)}
	}
	return fs.start(&f)
}

func (fs *Functions) now() time.Time { return fs.opts.Now().UTC().Truncate(time.Millisecond) }

// open checks a function, which does not run yet.
func (fs *Functions) open(f *Function) (*process.Function, error) {
	o := fs.opts.Function
	o.Now, o.Log = fs.opts.Now, func(l process.Line) { fs.opts.Log(f.Name, l) }
	return process.Open(fs.opts.spec(f), o)
}

// start opens a function, and has Run run it.
func (fs *Functions) start(f *Function) *entry {
	if fs.opts.Off {
		fault := &process.Error{Function: f.Name, Code: codeStart, Msg: "functions are off on this node", Fix: "start the node without --no-functions"}
		return &entry{fn: f, fault: fault, state: stateOf(fault)}
	}
	fn, err := fs.open(f)
	e := &entry{fn: f}
	if err != nil {
		e.state = stateOf(err)
		if !errors.As(err, &e.fault) {
			e.fault = &process.Error{Function: f.Name, Code: codeStart, Msg: err.Error(), Fix: "see the log"}
		}
		return e
	}
	e.inst = &instance{fn: fn, over: make(chan struct{})}
	fs.mu.Lock()
	fs.fresh = append(fs.fresh, e.inst)
	fs.mu.Unlock()
	fs.wake.Set()
	return e
}

// Run runs the functions and the queue of events until ctx ends.
func (fs *Functions) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { fs.queue.run(ctx) })
	for {
		fs.mu.Lock()
		fresh := fs.fresh
		fs.fresh = nil
		fs.mu.Unlock()
		for _, i := range fresh {
			all.Go(func() {
				if err := i.run(ctx); err != nil {
					fs.opts.Logger.Error("function: process ended", "function", i.fn.Spec().Name, "error", err)
				}
			})
		}
		select {
		case <-fs.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// find returns the entry of a function. Errors: ErrNotFound.
func (fs *Functions) find(name string) (*entry, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if e, ok := fs.byName[name]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
}

// ARN returns a function's name in full, without version.
func (fs *Functions) ARN(name string) string {
	s := process.Spec{Name: name, Account: fs.opts.Account, Region: fs.opts.Region}
	return s.ARN()
}

// Get returns a function. Errors: ErrNotFound.
func (fs *Functions) Get(name string) (Function, error) {
	e, err := fs.find(name)
	if err != nil {
		return Function{}, err
	}
	e = fs.repaired(e)
	out := *e.fn
	out.State = fs.stateOf(e)
	return out, nil
}

func (fs *Functions) stateOf(e *entry) State {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return e.state
}

// List returns up to limit functions in order of their names after the one
// named; more says that there are further ones.
func (fs *Functions) List(after string, limit int) (out []Function, more bool) {
	fs.mu.Lock()
	names := slices.Sorted(maps.Keys(fs.byName))
	fs.mu.Unlock()
	for _, name := range names {
		if name <= after {
			continue
		}
		if len(out) == limit {
			return out, true
		}
		if f, err := fs.Get(name); err == nil { // else it was deleted meanwhile
			out = append(out, f)
		}
	}
	return out, false
}

// repaired looks again whether a function that could not be opened can be now,
// and returns the entry in force.
func (fs *Functions) repaired(e *entry) *entry {
	if e.fault == nil || fs.opts.Off {
		return e
	}
	fs.control.Lock()
	defer fs.control.Unlock()
	now, err := fs.find(e.fn.Name)
	switch {
	case err != nil: // deleted meanwhile
		return e
	case now.fault == nil:
		return now
	}
	next := fs.restart(now.fn)
	fs.put(next)
	return next
}

// put makes an entry the one in force.
func (fs *Functions) put(e *entry) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.byName[e.fn.Name] = e
}

// Invoke hands an event to the function and waits for the answer, as
// process.Function.Invoke does. A function that cannot be opened answers with the
// failure that Lambda gives for it. Errors: those of that, and
// ErrNotFound, ErrConcurrency, ErrOff.
func (fs *Functions) Invoke(ctx context.Context, name string, payload []byte, o process.InvokeOptions) (process.Result, error) {
	o.TraceID = cmp.Or(o.TraceID, trace.From(ctx).AWS())
	for {
		e, err := fs.find(name)
		if err != nil {
			return process.Result{}, err
		}
		if fs.opts.Off {
			return process.Result{}, ErrOff
		}
		if e = fs.repaired(e); e.fn.Concurrency != nil && *e.fn.Concurrency == 0 {
			return process.Result{}, ErrConcurrency
		}
		if e.fault != nil {
			if o.RequestID == "" {
				o.RequestID = uuid.NewString()
			}
			return refused(e.fault, o.RequestID), nil
		}
		// An update puts the next entry before it retires the instance of this one,
		// so that looking again finds the next.
		if !e.inst.enter() {
			continue
		}
		r, err := e.inst.fn.Invoke(ctx, payload, o)
		e.inst.leave()
		if err == nil {
			fs.note(e, startState(r))
		}
		return r, err
	}
}

// note keeps whether a function starts.
func (fs *Functions) note(e *entry, s State) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	e.state = s
}
