package eventbridge

import (
	"slices"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
)

// forever is longer than anyone waits.
const forever = time.Hour

// A lane is the queue of the events of one group that have no result, in order. Only
// its head is ever sent.
type lane struct {
	rest     []pendingEvent
	most     int       // entries that a batch with its head may have
	tries    int       // of the head that failed
	due      time.Time // when the head may be tried again
	last     error     // of the head
	blamed   time.Time // when the head first failed where the call did not
	claiming bool      // the head is on its way to the claim check
}

// A pendingEvent is an event without a result.
type pendingEvent struct {
	index   int // of its result
	bus     string
	event   event.Event
	claimed bool // its detail is in the claim check's store, and a reference in its place
}

func (l *lane) head() *pendingEvent { return &l.rest[0] }

// lanes are those of one Publish. A lane is in ready, or in delayed, or its head is
// part of a request under way.
type lanes struct {
	open    map[*lane]bool // that have events without a result
	ready   []*lane
	delayed []*lane
}

// newLanes sorts events by their group. An event without a group is its own.
func newLanes(events []mapping.Raised) lanes {
	all := lanes{open: map[*lane]bool{}}
	groups := make(map[string]*lane, len(events))
	for i := range events {
		r := &events[i]
		s := pendingEvent{index: i, bus: r.Bus, event: r.Event}
		if l := groups[r.Event.Group]; l != nil && r.Event.Group != "" {
			l.rest = append(l.rest, s)
			continue
		}
		l := &lane{rest: []pendingEvent{s}, most: event.MaxPutEntries}
		groups[r.Event.Group] = l
		all.open[l] = true
		all.ready = append(all.ready, l)
	}
	return all
}

func (ls *lanes) empty() bool { return len(ls.open) == 0 }

// wait returns how long it is until the next delayed lane is ready.
func (ls *lanes) wait(now time.Time) time.Duration {
	wait := forever
	for _, l := range ls.delayed {
		wait = min(wait, l.due.Sub(now))
	}
	return wait
}

// take returns lanes whose heads make up a batch, or one lane whose head is too
// large; nil if there is none now.
func (ls *lanes) take(now time.Time, maxBytes int, tooLarge func(*pendingEvent) bool) []*lane {
	ls.wake(now)
	var job []*lane
	most, size := event.MaxPutEntries, 0
	for _, l := range ls.ready {
		large := tooLarge(l.head())
		most = min(most, l.most)
		size += l.head().event.Size(true)
		if len(job) > 0 && (large || len(job) >= most || size > maxBytes) {
			break
		}
		job = append(job, l)
		if l.claiming = large; large {
			break
		}
	}
	ls.ready = ls.ready[len(job):]
	return job
}

// wake readies the delayed lanes whose time has come.
func (ls *lanes) wake(now time.Time) {
	ls.delayed = slices.DeleteFunc(ls.delayed, func(l *lane) bool {
		due := !l.due.After(now)
		if due {
			ls.ready = append(ls.ready, l)
		}
		return due
	})
}

// again readies a lane whose head was not sent.
func (ls *lanes) again(l *lane) { ls.ready = append(ls.ready, l) }

// later delays a lane.
func (ls *lanes) later(l *lane, due time.Time) {
	l.due, l.claiming = due, false
	ls.delayed = append(ls.delayed, l)
}

// accepted lets a lane go on behind its head.
func (ls *lanes) accepted(l *lane) {
	*l = lane{rest: l.rest[1:], most: event.MaxPutEntries}
	if len(l.rest) == 0 {
		ls.drop(l)
		return
	}
	ls.ready = append(ls.ready, l)
}

func (ls *lanes) drop(l *lane) { delete(ls.open, l) }
