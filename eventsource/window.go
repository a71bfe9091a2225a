package eventsource

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/parking"
)

// maxState is the most of a window's state in bytes; beyond it the window ends.
const maxState = 1 << 20

// A tumblingWindow is one that is open: what the function made of its
// records so far.
type tumblingWindow struct {
	Start time.Time      `json:"start"`
	State jsontext.Value `json:"state"`
}

func (s *shard) length() time.Duration { return time.Duration(s.m.TumblingWindow) * time.Second }

func (s *shard) windowOf(r *record) time.Time { return r.at.UTC().Truncate(s.length()) }

// batchInWindowLocked takes the next batch of a lane's queue that lies in one
// tumbling window; a batch without records ends the window that is open. The
// caller holds mu.
func (s *shard) batchInWindowLocked(l *lane) ([]*record, time.Time) {
	if w := s.tumbling; w != nil {
		end := w.Start.Add(s.length())
		over := len(l.queue) > 0 && s.windowOf(l.queue[0]).After(w.Start) || len(l.queue) == 0 && (s.closed || !s.m.all.now().Before(end)) || len(w.State) > maxState
		if over {
			l.busy = true
			return []*record{}, time.Time{}
		}
		if len(l.queue) == 0 {
			return nil, time.Now().Add(end.Sub(s.m.all.now()))
		}
	}
	if len(l.queue) == 0 {
		return nil, time.Time{}
	}
	n, _ := s.size(l.queue)
	first := s.windowOf(l.queue[0])
	for i, r := range l.queue[:n] {
		if !s.windowOf(r).Equal(first) {
			n = i
			break
		}
	}
	due := l.since.Add(time.Duration(s.m.BatchingWindow) * time.Second)
	if n < s.m.BatchSize && n == len(l.queue) && !s.closed && time.Now().Before(due) {
		return nil, due
	}
	return l.take(n), time.Time{}
}

// deliverInWindow hands a batch of a tumbling window to the function, with the state, until it
// takes it. What the function answers is the state from there on.
func (s *shard) deliverInWindow(ctx context.Context, stop <-chan struct{}, batch []*record) error {
	w := s.openWindow(batch)
	failures, waits := 0, 0
	for {
		if len(batch) > 0 {
			var err error
			if batch, err = s.giveUpOld(ctx, batch, failures); err != nil || len(batch) == 0 {
				return err
			}
		}
		result, reached := s.invoke(ctx, s.windowPayload(batch, w))
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
		if len(batch) == 0 && result.FunctionError == "" {
			return s.closeWindow()
		}
		if v.good > 0 {
			w = &tumblingWindow{Start: w.Start, State: v.state}
			if err := s.settleWindow(batch[:v.good], w); err != nil {
				return err
			}
			batch, failures = batch[v.good:], 0
			if len(batch) == 0 {
				s.m.note(resultOK)
				return nil
			}
		} else {
			failures++
		}
		s.m.note(problem + string(result.Payload[:min(len(result.Payload), 200)]))
		d, _ := decide(&s.m.Settings, failure{records: 1, failures: failures})
		if d != parking.Retry && len(batch) > 0 {
			return s.giveUp(ctx, d, batch, exhausted, failures, &result)
		}
		if !pause(ctx, stop, s.m.all.opts.Pause(max(failures, 1))) {
			return nil
		}
	}
}

// openWindow returns the window of a batch, and opens it if none is open.
func (s *shard) openWindow(batch []*record) *tumblingWindow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tumbling == nil {
		s.tumbling = &tumblingWindow{Start: s.windowOf(batch[0]), State: jsontext.Value("{}")}
	}
	return s.tumbling
}

// settleWindow makes records delivered, and w the window, in one batch. If that is
// refused the window is as it was: the records come again, and the state that they
// are added to must not have them.
func (s *shard) settleWindow(records []*record, w *tumblingWindow) error {
	s.mu.Lock()
	was := s.tumbling
	s.tumbling = w
	t, err := s.applyLocked(records, Counts{Delivered: uint64(len(records))}, nil)
	if err != nil {
		s.tumbling = was
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return t.wait()
}

// closeWindow forgets the state.
func (s *shard) closeWindow() error {
	if err := s.settleWindow(nil, nil); err != nil {
		return err
	}
	s.m.note(resultOK)
	return nil
}

// windowPayload returns the event of a batch in a window.
func (s *shard) windowPayload(batch []*record, w *tumblingWindow) []byte {
	final := len(batch) == 0
	return fmt.Appendf(payload(batch), `,"window":{"start":%q,"end":%q},"state":%s,"shardId":%q,"eventSourceARN":%q,"isFinalInvokeForWindow":%t,"isWindowTerminatedEarly":%t}`,
		w.Start.Format(seconds), w.Start.Add(s.length()).Format(seconds), w.State, s.info.ID, s.m.Stream, final, final && len(w.State) > maxState)
}
