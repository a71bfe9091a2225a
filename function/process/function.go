package process

import (
	"context"
	_ "embed"
	"errors"
	"sync"

	"github.com/tablecast/tablecast/internal/wait"
)

// Version is the only version of a function that runs here.
const Version = "$LATEST"

// Names of the bootstraps in the directory of Run.
const (
	nodeBootstrap   = "bootstrap.mjs"
	pythonBootstrap = "bootstrap.py"
)

//go:embed bootstrap/bootstrap.mjs
var nodeSource []byte

//go:embed bootstrap/bootstrap.py
var pythonSource []byte

// A Function is one function that can be invoked while its Run runs. Its
// methods may be called from several goroutines at once.
type Function struct {
	spec    Spec
	opts    Options
	engine  engine
	scratch scratch
	wake    wait.Signal // set when recruit may start another process

	// codeMu guards the fields below. It is held while the disk is read and
	// TypeScript is built, never together with mu.
	codeMu  sync.Mutex
	tree    *tree
	code    *code
	outside []string // watched files outside Spec.Dir

	// mu guards the pool: the fields below and those of each worker. It is
	// never held while a process, the disk or a caller's function is waited for.
	mu      sync.Mutex
	newest  *code
	queue   []*invocation // wait for a process, oldest first
	parked  []*worker     // wait for an invocation, longest first
	workers map[*worker]struct{}
	started uint64
	running bool
	closed  bool
}

// Open checks the Spec against the machine and the disk; it starts nothing. An
// *Error says why the function cannot run.
func Open(spec Spec, o Options) (*Function, error) {
	complete, err := spec.complete()
	if err != nil {
		return nil, err
	}
	f := &Function{
		spec: complete, opts: o.complete(), scratch: scratch{base: o.TempDir, user: o.User}, wake: wait.NewSignal(), workers: map[*worker]struct{}{},
	}
	if f.engine, err = findEngine(&f.spec, &f.opts); err != nil {
		return nil, err
	}
	f.newest = f.refresh()
	if f.newest.err != nil {
		return nil, f.newest.err
	}
	return f, nil
}

// Spec returns what Open was given, with the defaults filled in.
func (f *Function) Spec() Spec { return f.spec }

// Run starts and ends processes until the context is cancelled, then ends them
// all and fails what waits with ErrClosed. It can be called once. Invocations
// made before it wait for it.
func (f *Function) Run(ctx context.Context) error {
	if !f.begin() {
		return errors.New("process: Run was called before")
	}
	defer f.close()
	// Deferred calls run from the last to the first: close fails what waits and
	// hands out nothing more, Wait sees every process end, and only then its files go.
	defer f.scratch.remove()
	var all sync.WaitGroup
	defer all.Wait()
	defer f.close()
	for ctx.Err() == nil {
		for w := f.recruit(); w != nil; w = f.recruit() {
			all.Go(func() { w.run(ctx) })
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// begin reports whether this is the first Run.
func (f *Function) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.running
	f.running = true
	return first
}

// Stats are a function's numbers at one moment, for tests and operators.
type Stats struct {
	// Processes is how many run, Busy how many of them have an invocation.
	Processes, Busy int
	// Waiting is how many invocations have no process.
	Waiting int
	// Started is how many processes were started since Open.
	Started uint64
	// Generation counts the changes of the code on disk that were seen, from 1.
	Generation uint64
}

// Stats returns the numbers of this moment.
func (f *Function) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Stats{
		Processes: len(f.workers), Waiting: len(f.queue), Started: f.started, Generation: f.newest.generation,
	}
	for w := range f.workers {
		if w.inv != nil {
			out.Busy++
		}
	}
	return out
}
