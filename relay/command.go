package relay

import (
	"context"
	"errors"
	"slices"
)

// ErrStopped means that the relay's Run has ended, by its context or since it
// halted: nothing can be asked of the relay any more.
var ErrStopped = errors.New("relay: not running")

// A command is something to do between two pages.
type command struct {
	run  func(context.Context) error
	done chan error
}

// do has the goroutine of Run call fn between two pages, and waits until it has
// ended. If ctx ends before fn was begun, fn is not called any more; one that was
// begun goes on, by the context of Run, since it may be in the middle of a commit.
func (r *Relay) do(ctx context.Context, fn func(context.Context) error) error {
	c := command{fn, make(chan error, 1)}
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return ErrStopped
	}
	r.commands = append(r.commands, c)
	if r.interrupt != nil {
		r.interrupt()
	}
	r.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if r.withdraw(c) {
			return ctx.Err()
		}
		return <-c.done
	}
}

// withdraw takes back a command, and reports whether nobody had begun it.
func (r *Relay) withdraw(c command) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.commands, func(other command) bool { return other.done == c.done })
	if i < 0 {
		return false
	}
	r.commands = slices.Delete(r.commands, i, i+1)
	return true
}

// runCommands calls what was asked for. What is asked for meanwhile waits for the
// next page, so that the steps of a long redrive do not keep changes waiting.
func (r *Relay) runCommands(ctx context.Context) {
	r.mu.Lock()
	n := len(r.commands)
	r.mu.Unlock()
	for range n {
		r.mu.Lock()
		if len(r.commands) == 0 { // withdrawn
			r.mu.Unlock()
			return
		}
		c := r.commands[0]
		r.commands = slices.Delete(r.commands, 0, 1)
		r.mu.Unlock()
		c.done <- c.run(ctx)
	}
}

// untilCommand returns a context that ends when something is asked for.
func (r *Relay) untilCommand(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupt = cancel
	if len(r.commands) > 0 {
		cancel()
	}
	return ctx, cancel
}

// stop refuses all that is asked for from now on.
func (r *Relay) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, c := range r.commands {
		c.done <- ErrStopped
	}
	r.commands = nil
}
