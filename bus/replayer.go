package bus

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
)

const (
	// replayEvents and replayBytes bound the events of one batch of a replay.
	replayEvents = 500
	replayBytes  = 4 << 20
	// replayLook bounds the entries looked at for one batch.
	replayLook = 4096
	// replayPause is the wait after a batch that could not be stored.
	replayPause = time.Second
)

// replayAll carries the active replays on, a batch of each in turn, until ctx
// ends.
func (b *Buses) replayAll(ctx context.Context) {
	for {
		b.replaying.Lock()
		active := b.activeReplays()
		b.replaying.Unlock()
		for _, name := range active {
			if ctx.Err() != nil {
				return
			}
			if err := b.stepReplay(name); err != nil {
				b.opts.Logger.Warn("bus: replay waits", "replay", name, "error", err)
				rest(ctx, replayPause)
			}
		}
		if len(active) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-b.replayWoken:
		}
	}
}

// rest waits for a time or the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// stepReplay sends the next batch of a replay. The batch holds the replay's
// position, too: no crash sends an event twice or leaves one out. The error is
// one of the store, after which the step is to be tried again.
func (b *Buses) stepReplay(name string) error {
	b.replaying.Lock()
	defer b.replaying.Unlock()
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
	var accepted []*addition
	for _, e := range events {
		a, err := b.match(r.Bus, e)
		if err != nil {
			r.fail(err)
			break
		}
		a.confine(r.Rules)
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
	b.add(batch, accepted)
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

// nextReplayed returns the next events of a replay, marked as replayed, and
// moves the replay on past them.
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
		return looked < replayLook && len(events) < replayEvents && size < replayBytes
	})
	switch {
	case err != nil:
		r.fail(err)
	case r.Position == start:
		r.State = ReplayCompleted
	}
	return events // those before an error, too
}

// confine keeps of the rules that matched those of the names; of none, all.
func (a *addition) confine(rules []string) {
	if len(rules) == 0 {
		return
	}
	a.Rules = slices.DeleteFunc(a.Rules, func(name string) bool { return !slices.Contains(rules, name) })
	a.queues = slices.DeleteFunc(a.queues, func(q delivery.QueueID) bool { return !slices.Contains(rules, q.Rule) })
}
