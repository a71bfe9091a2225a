package eventsource

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// handle hands a batch to the function until each of its records is done, or
// stop. A batch without records is the last of its tumbling window.
func (s *shard) handle(ctx context.Context, stop <-chan struct{}, batch []*record) error {
	if s.m.TumblingWindow > 0 {
		return s.deliverInWindow(ctx, stop, batch)
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
	decision, reason := decide(&s.m.Settings, failure{records: len(batch), failures: failures})
	switch decision {
	case parking.Retry:
		return pause(ctx, stop, s.m.all.opts.Pause(max(failures, 1))), nil
	case parking.Split:
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
	s.m.all.opts.Logger.Warn("eventsource: the function failed", "mapping", s.m.UUID, "decision", decision, "reason", reason, "records", len(batch), "failures", failures)
	return false, s.giveUp(ctx, decision, batch, exhausted, failures, result)
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
	batch, err := s.giveUpOld(ctx, batch, count)
	if err != nil {
		return nil, err
	}
	return s.parkBehind(batch)
}

// giveUpOld takes out of a batch what is too old.
func (s *shard) giveUpOld(ctx context.Context, batch []*record, count int) ([]*record, error) {
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
	decision, _ := decide(&s.m.Settings, failure{records: n, tooOld: true})
	return batch[n:], s.giveUp(ctx, decision, batch[:n], tooOld, count, nil)
}

// giveUp ends the attempts with a batch: it is parked, its destination is told, or
// it is counted as skipped.
func (s *shard) giveUp(ctx context.Context, decision parking.Decision, batch []*record, condition string, count int, result *process.Result) error {
	switch decision {
	case parking.Park:
		reason := "the function failed"
		if result != nil {
			reason = string(result.Payload[:min(len(result.Payload), 1000)])
		}
		return s.parkFailed(batch, errors.New(reason))
	case parking.Send:
		text, err := s.failureOf(batch, condition, count, result)
		if err != nil {
			return err
		}
		return s.send(ctx, batch, text)
	}
	return s.settle(batch, Counts{Skipped: uint64(len(batch))}, nil)
}

// parkBehind parks the records whose items are held, and returns the others.
func (s *shard) parkBehind(batch []*record) ([]*record, error) {
	rest, t, err := s.applyBehind(batch)
	if err != nil || len(rest) == len(batch) {
		return rest, err
	}
	return rest, t.wait()
}

// applyBehind is parkBehind up to the sync. held.mu is not let go of between the
// look at the items and the applied batch, so that no redrive finds an item empty
// and lets it flow in between.
func (s *shard) applyBehind(batch []*record) (rest []*record, t settling, err error) {
	h := &s.m.held
	h.mu.Lock()
	defer h.mu.Unlock()
	var behind []*record
	for _, r := range batch {
		if h.items[r.item] {
			behind = append(behind, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(behind) == 0 {
		return batch, settling{}, nil
	}
	t, err = s.applyParked(behind, parking.ErrBehind)
	return rest, t, err
}

// parkFailed parks records that failed; their items are held from here.
func (s *shard) parkFailed(batch []*record, reason error) error {
	t, err := s.applyFailed(batch, reason)
	if err != nil {
		return err
	}
	return t.wait()
}

// applyFailed is parkFailed up to the sync. The records are parked and their items
// held under one lock: other lanes of the item there are none, but a redrive that
// ends in between would let the item flow.
func (s *shard) applyFailed(batch []*record, reason error) (settling, error) {
	h := &s.m.held
	h.mu.Lock()
	defer h.mu.Unlock()
	t, err := s.applyParked(batch, reason)
	if err != nil {
		return settling{}, err
	}
	for _, r := range batch {
		h.items[r.item] = true
	}
	return t, nil
}

// applyParked settles records in the batch that parks them. A record that is
// parked already, and was read again after a crash since the checkpoint had not
// passed it, stays as it is. The caller holds held.mu.
func (s *shard) applyParked(records []*record, reason error) (settling, error) {
	var out []*parking.Record
	for _, r := range records {
		change, err := parseRecord(r.json)
		if err != nil {
			return settling{}, err
		}
		change.Time = r.at
		p := parking.New(change, mapping.Group(change), s.m.all.now(), reason)
		p.Mapping, p.Function = s.m.UUID, s.m.Function
		_, there, err := s.m.parked.Find(p)
		if err != nil {
			return settling{}, err
		}
		if !there {
			out = append(out, p)
		}
	}
	return s.apply(records, Counts{Parked: uint64(len(out))}, func(b *kv.Batch) { s.m.parked.Put(b, out) })
}

// addDeadLetter adds a failure record to the dead letters of the function.
func (s *shard) addDeadLetter(batch []*record, text []byte) error {
	return s.settle(batch, Counts{Sent: uint64(len(batch))}, func(b *kv.Batch) { s.m.all.opts.Bury(b, s.m.Function, text) })
}

// send hands a failure record to the destination until it takes it, or refuses it
// for good.
func (s *shard) send(ctx context.Context, batch []*record, text []byte) error {
	if s.m.OnFailure == DeadLetters {
		return s.addDeadLetter(batch, text)
	}
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
			return s.addDeadLetter(batch, text)
		}
		s.report("destination "+s.m.OnFailure, err)
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
