package relay

import (
	"context"
	"errors"
)

// ErrStopped means that the relay's Run has ended, by its context or since it
// halted: nothing can be asked of the relay any more.
var ErrStopped = errors.New("relay: not running")

// A command is something to do between two pages.
type command struct {
	run  func(context.Context) error
	done chan error
}

// do has the goroutine of Run call fn between two pages, and waits for it.
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
		return ctx.Err()
	}
}

// runCommands calls what was asked for.
func (r *Relay) runCommands(ctx context.Context) {
	r.mu.Lock()
	commands := r.commands
	r.commands = nil
	r.mu.Unlock()
	for _, c := range commands {
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
