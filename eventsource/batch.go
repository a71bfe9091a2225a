package eventsource

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// handle hands a batch to the function until each of its records is done, or
// stop. A batch without records is the last of its window.
func (s *shard) handle(ctx context.Context, stop <-chan struct{}, batch []*record) error {
	if s.m.Tumbling > 0 {
		return s.tumble(ctx, stop, batch)
	}
	return s.deliver(ctx, stop, batch)
}

// deliver hands over a batch, or the parts of it that are to go one after the
// other.
func (s *shard) deliver(ctx context.Context, stop <-chan struct{}, batch []*record) error {
	failures, waits := 0, 0
	for {
		var err error
		if batch, err = s.prepare(ctx, batch, failures); err != nil || len(batch) == 0 {
			return err
		}
		result, reached := s.invoke(ctx, append(payload(batch), '}'))
		if ctx.Err() != nil {
			return nil
		}
		if !reached {
			waits++
			if !pause(ctx, stop, s.m.all.opts.Pause(waits)) {
				return nil
			}
			continue
		}
		v := judge(&s.m.Settings, batch, &result)
		if v.good > 0 {
			if err := s.settle(batch[:v.good], Counts{Delivered: uint64(v.good)}, nil); err != nil {
				return err
			}
			batch, failures, waits = batch[v.good:], 0, 0
		}
		if len(batch) == 0 {
			s.m.note(resultOK)
			return nil
		}
		s.m.note(problem + string(result.Payload[:min(len(result.Payload), 200)]))
		if v.good == 0 {
			failures++
		}
		more, err := s.after(ctx, stop, batch, failures, v, &result)
		if !more {
			return err
		}
	}
}

// after does what is decided about a batch that failed; more says that it is to
// be tried again.
func (s *shard) after(ctx context.Context, stop <-chan struct{}, batch []*record, failures int, v verdict, result *process.Result) (more bool, err error) {
	decision, reason := decide(&s.m.Settings, len(batch), failures)
	switch decision {
	case Again:
		return pause(ctx, stop, s.m.all.opts.Pause(max(failures, 1))), nil
	case Split:
		at := len(batch) / 2
		if v.partial && s.m.policy() == Park {
			at = 1 // the first is the one that failed
		} else if v.good > 0 {
			return pause(ctx, stop, 0), nil // the remainder is a part already
		}
		if !pause(ctx, stop, 0) {
			return false, nil
		}
		if err := s.deliver(ctx, stop, batch[:at]); err != nil || !allDone(s, batch[:at]) {
			return false, err
		}
		return false, s.deliver(ctx, stop, batch[at:])
	}
	s.m.all.opts.Logger.Warn("eventsource: "+decision.String(), "mapping", s.m.UUID, "reason", reason, "records", len(batch), "failures", failures)
	return false, s.giveUp(ctx, batch, exhausted, failures, result)
}

// allDone reports whether records were dealt with, and not left for stop.
func allDone(s *shard, records []*record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if !r.done {
			return false
		}
	}
	return true
}

// invoke hands a payload to the function; it was not reached if it does not
// exist, cannot start or has no room.
func (s *shard) invoke(ctx context.Context, body []byte) (process.Result, bool) {
	result, err := s.m.all.opts.Invoke(ctx, s.m.Function, body)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.m.note(problem + err.Error())
	case result.NotStarted:
		s.m.note(problem + string(result.Payload[:min(len(result.Payload), 500)]))
	}
	return result, err == nil && !result.NotStarted
}

// prepare takes out of a batch what is too old, and what waits behind a parked
// record.
func (s *shard) prepare(ctx context.Context, batch []*record, count int) ([]*record, error) {
	batch, err := s.expire(ctx, batch, count)
	if err != nil {
		return nil, err
	}
	return s.divert(batch)
}

// expire takes out of a batch what is too old.
func (s *shard) expire(ctx context.Context, batch []*record, count int) ([]*record, error) {
	if s.m.MaxAge <= 0 {
		return batch, nil
	}
	limit := s.m.all.now().Add(-time.Duration(s.m.MaxAge) * time.Second)
	n := 0
	for n < len(batch) && batch[n].at.Before(limit) {
		n++
	}
	if n == 0 {
		return batch, nil
	}
	return batch[n:], s.giveUp(ctx, batch[:n], tooOld, count, nil)
}

// divert parks the records whose items wait, and returns the others.
func (s *shard) divert(batch []*record) (rest []*record, err error) {
	w := &s.m.wait
	w.mu.Lock()
	defer w.mu.Unlock()
	var parked []*record
	for _, r := range batch {
		if w.items[r.item] {
			parked = append(parked, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(parked) == 0 {
		return batch, nil
	}
	return rest, s.park(parked, behind)
}

// park sets records aside. The caller holds wait.mu.
func (s *shard) park(records []*record, reason string) error {
	at := s.m.all.now().UTC()
	return s.settle(records, Counts{Parked: uint64(len(records))}, func(b *kv.Batch) {
		for _, r := range records {
			p := Parked{UUID: s.m.UUID, Item: r.item, Seq: r.seq, Reason: reason, At: at, Record: r.json}
			p.put(b)
		}
	})
}

// giveUp ends the attempts with a batch: its destination is told, its item is
// parked, or it is counted as skipped.
func (s *shard) giveUp(ctx context.Context, batch []*record, condition string, count int, result *process.Result) error {
	n := uint64(len(batch))
	text, err := s.failureOf(batch, condition, count, result)
	if err != nil {
		return err
	}
	switch {
	case s.m.OnFailure == DeadLetters:
		return s.bury(batch, text)
	case s.m.OnFailure != "":
		return s.tell(ctx, batch, text)
	case condition == exhausted && s.m.policy() == Park && s.m.Tumbling == 0:
		w := &s.m.wait
		w.mu.Lock()
		defer w.mu.Unlock()
		reason := "the function failed"
		if result != nil {
			reason = string(result.Payload[:min(len(result.Payload), 1000)])
		}
		if err := s.park(batch, reason); err != nil {
			return err
		}
		for _, r := range batch {
			w.items[r.item] = true
		}
		return nil
	}
	return s.settle(batch, Counts{Skipped: n}, nil)
}

// bury adds a failure record to the dead letters of the function.
func (s *shard) bury(batch []*record, text []byte) error {
	return s.settle(batch, Counts{Sent: uint64(len(batch))}, func(b *kv.Batch) { s.m.all.opts.Bury(b, s.m.Function, text) })
}

// tell hands a failure record to the destination until it takes it, or refuses
// it for good.
func (s *shard) tell(ctx context.Context, batch []*record, text []byte) error {
	for n := 1; ; n++ {
		to, err := s.m.all.opts.Destination(s.m.OnFailure)
		if err == nil {
			err = to(ctx, s.m.all.opts.FunctionARN(s.m.Function)+":"+process.Version, text)
		}
		if err == nil {
			return s.settle(batch, Counts{Sent: uint64(len(batch))}, nil)
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrRefused) {
			s.m.all.opts.Logger.Error("eventsource: the destination refuses the failure record", "mapping", s.m.UUID, "destination", s.m.OnFailure, "error", err)
			return s.bury(batch, text)
		}
		s.trouble("destination "+s.m.OnFailure, err)
		if !pause(ctx, s.stopping(), s.m.all.opts.Pause(n)) {
			return nil
		}
	}
}

// stopping returns what is closed when the mapping is to stop.
func (s *shard) stopping() <-chan struct{} {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.stop
}
