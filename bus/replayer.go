package bus

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/wait"
)

const (
	// replayEvents and replayBytes bound the events of one batch of a replay.
	replayEvents = 500
	replayBytes  = 4 << 20
	// replayScan bounds the archive entries read for one batch.
	replayScan = 4096
	// replayPause is the pause after a batch that could not be stored.
	replayPause = time.Second
)

// runReplays carries out the active replays, one batch of each in turn, until
// ctx ends.
func (b *Buses) runReplays(ctx context.Context) {
	for {
		b.replayMu.Lock()
		active := b.activeReplays()
		b.replayMu.Unlock()
		for _, name := range active {
			if ctx.Err() != nil {
				return
			}
			if err := b.stepReplay(name); err != nil {
				b.opts.Logger.Warn("bus: replay waits", "replay", name, "error", err)
				if wait.Sleep(ctx, replayPause) != nil {
					return
				}
			}
		}
		if len(active) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-b.replaySignal:
		}
	}
}

// stepReplay sends the next batch of a replay. Its error is one of the store; the
// same step is worth another try then.
//
// The events and the replay's new position are one batch, so no crash sends an
// event twice or leaves one out. The position in memory moves only after that
// commit: a batch that failed is read from the archive again. replayMu is held
// throughout, so that a cancellation comes before a whole step or after it.
func (b *Buses) stepReplay(name string) error {
	b.replayMu.Lock()
	defer b.replayMu.Unlock()
	old, ok := b.replays[name]
	if !ok || old.Over() {
		return nil
	}
	r := *old
	var events []*event.Event
	if r.State == ReplayCancelling {
		r.State = ReplayCancelled
	} else {
		events = b.nextReplayed(&r)
	}
	var accepted []*routed
	for _, e := range events {
		a, err := b.route(r.Bus, e)
		if err != nil {
			r.fail(err)
			break
		}
		a.restrictTo(r.Rules)
		accepted = append(accepted, a)
		r.Sent, r.Last = r.Sent+1, e.Time
	}
	if r.Over() {
		r.Ended = b.opts.Now().UTC()
	}
	if r.State == ReplayFailed {
		b.opts.Logger.Error("bus: replay failed", "replay", r.Name, "reason", r.Reason)
	}
	batch := b.store.NewBatch()
	if len(accepted) == 0 {
		batch.UseReserve()
	}
	b.addRouted(batch, accepted)
	batch.Set(replayKey(r.Name), encode(r))
	if err := b.commit(batch, accepted); err != nil {
		return err
	}
	b.replays[name] = &r
	return nil
}

func (r *Replay) fail(err error) {
	r.State, r.Reason = ReplayFailed, err.Error()
	if errors.Is(err, ErrArchiveNotFound) || errors.Is(err, ErrBusNotFound) {
		r.Reason = "The archive or its bus was deleted."
	}
}

// nextReplayed returns the next events of a replay, with its name set, and moves
// the position of r past them.
func (b *Buses) nextReplayed(r *Replay) (events []*event.Event) {
	r.State = ReplayRunning
	if _, err := b.Archive(r.Archive); err != nil {
		r.fail(err)
		return nil
	}
	looked, size, start := 0, 0, r.Position
	w := window{r.Archive, r.Position, r.End, r.From, r.To}
	err := b.archived(w, func(seq uint64, e *event.Event) bool {
		r.Position = seq
		looked++
		if e != nil {
			e.ReplayName, e.Trace = r.Name, "" // a replay is no part of the trace
			events = append(events, e)
			size += len(e.Detail)
		}
		return looked < replayScan && len(events) < replayEvents && size < replayBytes
	})
	switch {
	case err != nil:
		r.fail(err)
	case r.Position == start:
		r.State = ReplayCompleted
	}
	return events // those before an error, too
}

// restrictTo removes the queues of rules that are not named; none named means all.
func (a *routed) restrictTo(rules []string) {
	if len(rules) == 0 {
		return
	}
	a.Rules = slices.DeleteFunc(a.Rules, func(name string) bool { return !slices.Contains(rules, name) })
	a.queues = slices.DeleteFunc(a.queues, func(q delivery.QueueID) bool { return !slices.Contains(rules, q.Rule) })
}
