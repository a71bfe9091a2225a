package delivery

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// An event at which two processes ended while they made its input is a dead letter of
// the third, all others are delivered, and a redrive tries it again.
func TestInputThatEndsTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"x": works})
		w.q.Set(q1("a"), Policy{ARN: "x", Input: func(*event.Event) ([]byte, error) { return []byte("1"), nil }})
		w.put([]QueueID{q1("a")}, "", "", "")
		for range attempt.Limit { // processes that end at the second event
			log, err := attempt.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			log.Worker().Begin(attempt.Name("input", "main", "a", q1("a").Target, "2"))
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if w.q.opts.Attempts, err = attempt.Open(path); err != nil {
			t.Fatal(err)
		}
		name, noted := attempt.Name("input", "main", "a", q1("a").Target, "2"), false
		kept := w.q.opts.OnAttempt
		w.q.opts.OnAttempt = func(a Attempt) { // before the outcome is durable
			if kept(a); a.Seq == 2 && a.Outcome == DeadLettered {
				noted = w.q.opts.Attempts.Ended(name)
			}
		}
		stop := w.run()
		after(time.Second)
		dead := w.dead()
		if c := w.q.Counts("main", "a"); c.Delivered != 2 || len(dead) != 1 || dead[0].Seq != 2 || dead[0].Code != CodeInput || !strings.Contains(dead[0].Msg, "2 processes ended while they made the input") {
			t.Errorf("%+v, %+v", c, dead)
		}
		if !noted || w.q.opts.Attempts.Ended(name) {
			t.Errorf("noted %v before the dead letter is durable", noted)
		}
		if _, err := w.q.Redrive(t.Context(), DeadFilter{}, nil); err != nil {
			t.Error(err)
		}
		after(time.Second)
		stop()
		if c := w.q.Counts("main", "a"); c.Delivered != 3 {
			t.Errorf("%+v", c)
		}
		if err := w.q.opts.Attempts.Close(); err != nil {
			t.Error(err)
		}
	})
}
