package function

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// Declare makes the functions of the node's file those given, all of them or,
// with an error, none. A function that stays as it was keeps its processes; one
// that the file no longer has goes, once what it has under way has ended. A
// declared function hides one of its name that came over the API, which is back
// when the file no longer declares it. Errors: *process.Error; ErrOff for any.
func (fs *Functions) Declare(specs []process.Spec) error {
	fs.control.Lock()
	defer fs.control.Unlock()
	if fs.opts.Off && len(specs) > 0 {
		return ErrOff
	}
	next := map[string]*Function{}
	for _, s := range specs {
		f := fs.declared(s)
		if _, err := fs.open(f); err != nil {
			return err
		}
		next[f.Name] = f
	}
	for _, old := range fs.entries() {
		if old.fn.Declared && next[old.fn.Name] == nil {
			if err := fs.undeclare(old); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		fs.redeclare(next[name])
	}
	return nil
}

// declared returns the function that a spec means.
func (fs *Functions) declared(s process.Spec) *Function {
	f := &Function{Name: s.Name, Declared: true, Dir: s.Dir, Modified: fs.now(), Revision: uuid.NewString(), Code: Code{Dir: s.Dir, SHA256: digest([]byte(s.Dir))}}
	f.Config = Config{Runtime: s.Runtime, Handler: s.Handler, Binary: s.Binary, Env: s.Env, Seconds: int(s.Timeout / time.Second), MemoryMB: s.MemoryMB}
	if s.Concurrency > 0 {
		f.Concurrency = &s.Concurrency
	}
	f.complete()
	return f
}

// entries returns all functions.
func (fs *Functions) entries() []*entry {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Collect(maps.Values(fs.byName))
}

// redeclare puts a declared function into force. The caller holds control.
func (fs *Functions) redeclare(f *Function) {
	old, err := fs.find(f.Name)
	switch {
	case err != nil:
		fs.put(fs.start(f))
		return
	case !old.fn.Declared:
		fs.opts.Logger.Warn("function: the file's function hides the one that came over the API", "function", f.Name)
		fs.put(fs.start(f))
		retire(old)
	case !fs.sameSpec(old.fn, f):
		fs.put(fs.start(f))
		retire(old)
	}
}

// undeclare takes back a declared function. The caller holds control.
func (fs *Functions) undeclare(old *entry) error {
	stored, err := fs.store.Get(functionKey(old.fn.Name))
	switch {
	case err == nil:
		err = fs.loadOne(stored)
	case errors.Is(err, kv.ErrNotFound):
		err = nil
		fs.mu.Lock()
		delete(fs.byName, old.fn.Name)
		fs.mu.Unlock()
	}
	if err == nil {
		retire(old)
	}
	return err
}

// retire ends the processes of a function once what they have has ended; its
// code stays.
func retire(e *entry) {
	if e.inst != nil {
		e.inst.retire("")
	}
}
