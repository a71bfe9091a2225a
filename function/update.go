package function

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// maxTags is how many tags a function can have.
const maxTags = 50

// Create makes a function of name, configuration, code and tags. One that
// cannot run is made, and says why in its State. Errors: ErrExists, ErrZip,
// ErrCodeSize, ErrTooManyTags, ErrOff, kv.ErrDiskFull.
func (fs *Functions) Create(f Function) (Function, error) {
	fs.control.Lock()
	defer fs.control.Unlock()
	if fs.opts.Off {
		return Function{}, ErrOff
	}
	if _, err := fs.find(f.Name); err == nil {
		return Function{}, fmt.Errorf("%w: %s", ErrExists, f.Name)
	}
	if len(f.Tags) > maxTags {
		return Function{}, ErrTooManyTags
	}
	dir, err := fs.place(&f.Code)
	if err != nil {
		return Function{}, err
	}
	f.Dir = dir
	if f.Created, err = fs.takeNumber(); err != nil {
		return Function{}, err
	}
	return fs.enforce(nil, f)
}

// enforce makes the next state of a function durable and puts it into force.
// The caller holds control; old is nil for a new function.
func (fs *Functions) enforce(old *entry, f Function) (Function, error) {
	f.complete()
	f.Revision, f.Modified = uuid.NewString(), fs.now()
	b := fs.store.NewBatch()
	value, err := json.Marshal(&f)
	if err != nil {
		b.Close()
		return Function{}, fmt.Errorf("function: %s: %w", f.Name, err)
	}
	b.Set(functionKey(f.Name), value)
	stale := ""
	if old != nil && old.fn.Code.Number != f.Code.Number {
		dropCode(b, old.fn.Code.Number)
		if old.fn.Code.Number > 0 {
			stale = old.fn.Dir
		}
	}
	// The batch switches from the old code to the new: a crash before it leaves the
	// new zip file, which the next Open sweeps; one after it loses nothing.
	if _, err := fs.store.Commit(b); err != nil {
		return Function{}, err
	}
	next := fs.next(old, &f)
	// First put, then retire: an Invoke that finds the old instance retired looks
	// again and must find the next. The folder of the old code goes once the last
	// invocation on it has ended.
	fs.put(next)
	if old != nil && old.inst != nil && old.inst != next.inst {
		old.inst.retire(stale)
	}
	f.State = fs.stateOf(next)
	return f, nil
}

// next returns the entry of a function's next state: with the same processes if
// nothing of how it runs has changed.
func (fs *Functions) next(old *entry, f *Function) *entry {
	if old != nil && old.inst != nil && fs.sameSpec(old.fn, f) {
		return &entry{fn: f, inst: old.inst, state: fs.stateOf(old)}
	}
	return fs.start(f)
}

func (fs *Functions) sameSpec(a, b *Function) bool {
	x, y := fs.opts.spec(a), fs.opts.spec(b)
	if !maps.Equal(x.Env, y.Env) {
		return false
	}
	x.Env, y.Env = nil, nil
	return fmt.Sprintf("%+v", x) == fmt.Sprintf("%+v", y)
}

// update makes the next state of a function by do and puts it into force. A revision that is not
// empty must be that of the function. Errors: ErrNotFound, ErrDeclared,
// ErrRevision, ErrOff, and those of do.
func (fs *Functions) update(name, revision string, do func(*Function) error) (Function, error) {
	fs.control.Lock()
	defer fs.control.Unlock()
	old, err := fs.find(name)
	if err != nil {
		return Function{}, err
	}
	if fs.opts.Off {
		return Function{}, ErrOff
	}
	if old.fn.Declared {
		return Function{}, fmt.Errorf("%w: %s", ErrDeclared, name)
	}
	if revision != "" && revision != old.fn.Revision {
		return Function{}, ErrRevision
	}
	f := *old.fn
	f.Tags, f.Policy = maps.Clone(f.Tags), slices.Clone(f.Policy)
	if err := do(&f); err != nil {
		return Function{}, err
	}
	return fs.enforce(old, f)
}

// SetCode gives a function other code. Errors: those of Create and Configure.
func (fs *Functions) SetCode(name, revision string, c Code) (Function, error) {
	return fs.update(name, revision, func(f *Function) (err error) {
		f.Code = c
		f.Dir, err = fs.place(&f.Code)
		return err
	})
}

// Configure changes a function's configuration. A revision that is not empty must
// be that of the function. Errors: ErrNotFound, ErrDeclared, ErrRevision.
func (fs *Functions) Configure(name, revision string, do func(*Config)) (Function, error) {
	return fs.update(name, revision, func(f *Function) error {
		f.Env = maps.Clone(f.Env)
		do(&f.Config)
		return nil
	})
}

// Tag changes a function's tags. Errors: ErrTooManyTags.
func (fs *Functions) Tag(name string, set map[string]string, remove []string) error {
	_, err := fs.update(name, "", func(f *Function) error {
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		maps.Copy(f.Tags, set)
		for _, key := range remove {
			delete(f.Tags, key)
		}
		if len(f.Tags) > maxTags {
			return ErrTooManyTags
		}
		return nil
	})
	return err
}

// Allow adds a statement to a function's policy. Errors: ErrStatementExists.
func (fs *Functions) Allow(name, revision string, s Statement) error {
	_, err := fs.update(name, revision, func(f *Function) error {
		if slices.ContainsFunc(f.Policy, func(x Statement) bool { return x.ID == s.ID }) {
			return ErrStatementExists
		}
		f.Policy = append(f.Policy, s)
		return nil
	})
	return err
}

// Disallow removes a statement from a function's policy. Errors: ErrStatement.
func (fs *Functions) Disallow(name, revision, id string) error {
	_, err := fs.update(name, revision, func(f *Function) error {
		i := slices.IndexFunc(f.Policy, func(x Statement) bool { return x.ID == id })
		if i < 0 {
			return ErrStatement
		}
		f.Policy = slices.Delete(f.Policy, i, i+1)
		return nil
	})
	return err
}

// SetEvents changes the configuration of a function's asynchronous invocations: do
// gets the present one and returns the next, nil for the default. Errors:
// ErrNotFound, ErrDeclared, *DestinationError, and ErrNoConfig if do returns nil and
// the function had none.
func (fs *Functions) SetEvents(name string, do func(*EventConfig) *EventConfig) (EventConfig, error) {
	var out EventConfig
	_, err := fs.update(name, "", func(f *Function) error {
		was := DefaultEventConfig()
		if f.Events != nil {
			was = *f.Events
		}
		next := do(&was)
		if next == nil && f.Events == nil {
			return ErrNoConfig
		}
		if f.Events = next; next == nil {
			return nil
		}
		for _, arn := range []string{next.OnFailure, next.OnSuccess} {
			if arn == "" {
				continue
			}
			if _, err := fs.opts.Destination(arn); err != nil {
				return err
			}
		}
		next.Modified = fs.now()
		out = *next
		return nil
	})
	return out, err
}

// Delete removes a function with the events that wait for it, so that a later
// function of the name does not get them. Its dead letters stay, and so do
// invocation records that wait for a destination. Errors: ErrNotFound, ErrDeclared.
func (fs *Functions) Delete(name string) error {
	fs.control.Lock()
	defer fs.control.Unlock()
	e, err := fs.find(name)
	if err != nil {
		return err
	}
	if e.fn.Declared {
		return fmt.Errorf("%w: %s", ErrDeclared, name)
	}
	b := fs.store.NewBatch()
	b.UseReserve()
	b.Delete(functionKey(name))
	dropCode(b, e.fn.Code.Number)
	events := fs.queue.remove(name)
	for _, event := range events {
		b.Delete(rowKey(event.seq))
	}
	if _, err := fs.store.Commit(b); err != nil {
		for _, event := range events { // the function stays, and its events with it
			fs.queue.add(event)
		}
		return err
	}
	fs.mu.Lock()
	delete(fs.byName, name)
	fs.mu.Unlock()
	if e.inst != nil && e.fn.Code.Number > 0 {
		e.inst.retire(e.fn.Dir)
	} else if e.inst != nil {
		e.inst.retire("")
	}
	return nil
}
