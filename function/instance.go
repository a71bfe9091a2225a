package function

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/function/process"
)

// An instance is a configuration of a function with its processes. It ends once
// it was retired and its last invocation has ended.
type instance struct {
	fn  *process.Function
	dir string // removed at its end; may be empty

	mu      sync.Mutex
	calls   int           // guarded by mu
	retired bool          // guarded by mu
	over    chan struct{} // closed when retired and without calls
}

// enter reports whether an invocation may begin, which must call leave at its end.
func (i *instance) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.retired {
		return false
	}
	i.calls++
	return true
}

func (i *instance) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls--
	i.endLocked()
}

// retire lets no further invocation begin. dir goes when the last has ended.
func (i *instance) retire(dir string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.retired {
		i.retired, i.dir = true, dir
		i.endLocked()
	}
}

func (i *instance) endLocked() {
	if i.retired && i.calls == 0 {
		close(i.over)
	}
}

// run runs the function until it is over or ctx ends.
func (i *instance) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-i.over:
			cancel()
		case <-ctx.Done():
		}
	})
	err := i.fn.Run(ctx)
	// No process is left, so that nothing reads the folder any more. A crash before
	// it is removed leaves it to the next Open, which clears the folder of all code.
	i.mu.Lock()
	dir := i.dir
	i.mu.Unlock()
	if dir != "" {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// refused is the result of an invocation of a function that cannot run.
func refused(fault *process.Error, id string) process.Result {
	kind := "Runtime.InvalidEntrypoint"
	switch fault.Code {
	case process.CodeBuild:
		kind = "Runtime.UserCodeSyntaxError"
	case process.CodeNoHandler:
		kind = "Runtime.ImportModuleError"
	}
	payload, _ := json.Marshal(struct { // of plain text
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, "RequestId: " + id + " Error: " + fault.Error()})
	return process.Result{RequestID: id, Payload: payload, FunctionError: process.Unhandled, NotStarted: true}
}

// stateOf returns the state that an error of process.Open means.
func stateOf(err error) State {
	var fault *process.Error
	if !errors.As(err, &fault) {
		return State{codeStart, err.Error()}
	}
	return State{fault.Code, fault.Msg + " (" + fault.Fix + ")"}
}

// startState returns the state after an invocation.
func startState(r process.Result) State {
	if !r.NotStarted {
		return State{}
	}
	var d struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(r.Payload, &d) != nil || d.Type == "" {
		return State{codeStart, "the function does not start"}
	}
	message := strings.TrimPrefix(d.Message, "RequestId: "+r.RequestID+" Error: ")
	return State{codeStart, d.Type + ": " + message}
}
