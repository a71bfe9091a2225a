package bus

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/bus/schedule"
)

// scheduled puts a rule with a schedule and a log target.
func (w *world) scheduled(name, expression string) {
	w.t.Helper()
	w.must(w.PutRule(Rule{Bus: Default, Name: name, Schedule: expression}))
	w.must(w.PutTargets(Default, name, []Target{{ID: "t", ARN: "log:" + name}}))
}

// body is the nth body that a target was sent.
func (w *world) body(arn string, n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bodies[arn][n]
}

// fired is how often a scheduled rule fired.
func (w *world) fired(name string, want int) {
	w.t.Helper()
	if n := w.sent("log:" + name); n != want {
		w.t.Errorf("%s fired %d times, want %d", name, n, want)
	}
}

// A schedule fires for each of its moments, once, and PutEvents does not fire
// it.
func TestSchedules(t *testing.T) {
	bubble(t, Options{}, func(w *world) { // at midnight
		w.scheduled("rate", "rate(5 minutes)")
		w.scheduled("cron", "cron(0/10 * * * ? *)")
		w.must(w.PutRule(Rule{Bus: Default, Name: "both", Schedule: "rate(1 hour)", Pattern: bySource("s")}))
		w.must(w.PutTargets(Default, "both", []Target{{ID: "t", ARN: "log:both"}}))
		stop := w.run()
		after(61*time.Minute + time.Second)
		w.put("s", "aws")
		after(time.Second)
		w.fired("rate", 12)
		w.fired("cron", 6)
		w.fired("both", 2)
		body := w.body("log:cron", 0)
		for _, want := range []string{
			`"source":"aws.events"`, `"detail-type":"Scheduled Event"`, `"resources":["arn:aws:events:us-east-1:000000000000:rule/cron"]`,
			`"detail":{}`, `"time":"2000-01-01T00:10:00Z"`,
		} {
			if !strings.Contains(body, want) {
				w.t.Errorf("%s lacks %s", body, want)
			}
		}
		w.must(w.SetEnabled(Default, "rate", false))
		after(time.Hour)
		w.fired("rate", 12)
		w.must(w.SetEnabled(Default, "rate", true))
		after(5 * time.Minute)
		w.fired("rate", 13)
		stop()
		if c := w.queues.Counts(Default, "rate"); c.Matched != 13 || c.Delivered != 13 {
			w.t.Errorf("%+v", c)
		}
	})
}

// A restart fires nothing twice, what was missed meanwhile once, and a change
// of the targets moves no moment.
func TestSchedulesAfterRestart(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.scheduled("r", "rate(10 minutes)")
		stop := w.run()
		after(10*time.Minute + time.Second)
		w.fired("r", 1)
		for range 3 { // within the same moment
			stop()
			w.reopen()
			stop = w.run()
			after(time.Second)
		}
		w.fired("r", 1)
		w.must(w.PutTargets(Default, "r", []Target{{ID: "t", ARN: "log:r", InputPath: "$.time"}}))
		stop()
		time.Sleep(time.Hour)
		w.reopen()
		stop = w.run()
		after(time.Second)
		w.fired("r", 2)
		if got := w.body("log:r", 1); got != `"2000-01-01T01:10:00Z"` {
			w.t.Errorf("made up for %s", got)
		}
		after(10 * time.Minute)
		w.fired("r", 3)
		stop()
	})
}

// No jump of the clock fires a moment twice, or stops a schedule for long.
func TestSchedulesWhenTheClockJumps(t *testing.T) {
	var jump atomic.Int64
	bubble(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }}, func(w *world) {
		w.scheduled("r", "rate(10 minutes)")
		stop := w.run()
		after(31 * time.Minute)
		w.fired("r", 3)
		jump.Store(int64(-time.Hour)) // goes back
		after(59 * time.Minute)
		w.fired("r", 3)
		after(12 * time.Minute)
		w.fired("r", 4)
		jump.Store(int64(1000 * 24 * time.Hour)) // far ahead, for a while
		after(2 * time.Minute)
		w.fired("r", 5)
		jump.Store(0)
		after(21 * time.Minute)
		if n := w.sent("log:r"); n < 6 {
			w.t.Errorf("fired %d times", n)
		}
		stop()
	})
}

func TestScheduleErrors(t *testing.T) {
	w := memory(t, Options{})
	w.must(w.Create(Bus{Name: "main"}))
	w.want(w.PutRule(Rule{Bus: "main", Name: "r", Schedule: "rate(1 hour)"}), ErrScheduleBus)
	w.want(w.PutRule(Rule{Bus: Default, Name: "r", Schedule: "rate(1 hours)"}), schedule.ErrInvalid)
	w.scheduled("r", "rate(1 hour)")
	w.must(w.PutRule(Rule{Bus: Default, Name: "r", Pattern: bySource("s")}))
	w.reopen()
	r, err := w.Rule(Default, "r")
	w.must(err)
	if r.Schedule != "" || len(r.Targets) != 1 {
		t.Errorf("%+v", r)
	}
}

// A store that refuses commits is tried again with pauses.
func TestScheduleOfAFailingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log countingHandler
		w := newWorld(t, Options{Logger: slog.New(&log)})
		w.must(w.PutRule(Rule{Bus: Default, Name: "r", Schedule: "rate(1 minute)"}))
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { w.runSchedules(ctx) })
		w.close()
		after(70 * time.Second)
		cancel()
		done.Wait()
		if n := log.n.Load(); n == 0 || n > 20 {
			t.Errorf("%d warnings in the 10 s since the schedule was due", n)
		}
	})
}

// A countingHandler counts records.
type countingHandler struct {
	slog.Handler
	n atomic.Int64
}

func (h *countingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *countingHandler) Handle(context.Context, slog.Record) error {
	h.n.Add(1)
	return nil
}
