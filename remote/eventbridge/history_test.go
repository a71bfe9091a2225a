package eventbridge_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/eventbridge"
)

// Whatever goes wrong: nothing is lost, each group stays in order, an event
// arrives twice only if an answer was lost, and each permanent failure is
// reported once.
func TestHistories(t *testing.T) {
	s := start(t)
	at := uint64(0)
	rapid.Check(t, func(rt *rapid.T) {
		p, log := s.publisher(eventbridge.Options{
			Concurrency: rapid.IntRange(1, 4).Draw(rt, "concurrency"),
			MaxBytes:    rapid.SampledFrom([]int{400, 1500, 0}).Draw(rt, "bytes"),
		})
		s.plan(rapid.SliceOfN(rapid.Map(rapid.IntRange(int(none), int(html)), func(n int) fault { return fault(n) }), 0, 12).Draw(rt, "faults")...)
		events, poison := history(rt)
		results := p.Publish(limit(t), events)
		var got []fact
		got, at = s.facts(t, at)
		s.judge(rt, events, results, got)
		if n := log.count("event rejected"); n != poison(results) || p.Status().Rejected != uint64(n) {
			rt.Errorf("%d of %d permanent failures are told, %+v", n, poison(results), p.Status())
		}
	})
}

// history draws events of a few groups, some of which the bus will not take.
func history(rt *rapid.T) (events []mapping.Raised, poison func([]error) int) {
	groups := rapid.IntRange(1, 15).Draw(rt, "groups")
	n := map[string]int{}
	for range rapid.IntRange(1, 60).Draw(rt, "events") {
		group := fmt.Sprint("g", rapid.IntRange(1, groups).Draw(rt, "group"))
		n[group]++
		more := ""
		if rapid.IntRange(0, 15).Draw(rt, "poison") == 0 {
			more = "poison"
		}
		events = append(events, raised(group, n[group], more))
	}
	return events, func(results []error) (n int) {
		for _, err := range results {
			if errors.Is(err, eventbridge.ErrRejected) {
				n++
			}
		}
		return n
	}
}

// judge compares results with what the bus has.
func (s *server) judge(rt *rapid.T, events []mapping.Raised, results []error, got []fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	times, last := map[string]int{}, map[string]int{}
	for _, f := range got {
		if times[f.id]++; times[f.id] > 1 && !s.twice[f.id] {
			rt.Errorf("event %d of %s arrived %d times, and no answer was lost", f.n, f.group, times[f.id])
		}
		if f.n < last[f.group] {
			rt.Errorf("event %d of %s arrived behind event %d", f.n, f.group, last[f.group])
		}
		last[f.group] = f.n
	}
	given := map[string]bool{} // groups of which one was rejected
	for i, err := range results {
		e := &events[i].Event
		bad := string(e.Detail[len(e.Detail)-9:]) == `poison"}}`
		want := error(nil)
		switch {
		case given[e.Group]:
			want = eventbridge.ErrBehind
		case bad:
			want = eventbridge.ErrRejected
			given[e.Group] = true
		}
		if !errors.Is(err, want) {
			rt.Errorf("event %s of %s: %v, want %v", e.ID, e.Group, err, want)
		}
		if (times[e.ID] > 0) != (want == nil) {
			rt.Errorf("event %s of %s arrived %d times, and its result is %v", e.ID, e.Group, times[e.ID], err)
		}
	}
	for _, c := range s.calls {
		if len(c.ids) > 10 || len(c.ids) == 0 {
			rt.Errorf("a call of %d entries", len(c.ids))
		}
	}
}
