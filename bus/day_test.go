package bus

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// A roundTripper answers requests in this process.
type roundTripper func(*http.Request) *http.Response

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// conserved checks P6 for all rules of the default bus: what the counters say is
// pending are the rows that there are. It returns the pending events.
func (w *world) conserved() (pending uint64) {
	w.t.Helper()
	for _, name := range w.names(Default) {
		c := w.queues.Counts(Default, name)
		for what, n := range map[string]uint64{"dr": c.Pending(), "x": c.DeadLettered} {
			rows := uint64(0)
			it := w.store.Scan(kv.Prefix(kv.NewKey(what[0]).Raw([]byte(what[1:])).String(Default).String(name)))
			for it.Next() {
				rows++
			}
			w.must(it.Close())
			if rows != n {
				w.t.Errorf("P6: rule %s has %d keys of %s, counted %+v", name, rows, what, c)
			}
		}
		pending += c.Pending()
	}
	return pending
}

// A target answers 500 for more than a day, and another one half of each hour: at each
// moment each event is accounted for, and in the end none is lost.
func TestDayOfErrors(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		begin := time.Now()
		client := &http.Client{Transport: roundTripper(func(r *http.Request) *http.Response {
			answer := httptest.NewRecorder()
			passed := time.Since(begin)
			if r.URL.Path == "/dead-t" && passed < 25*time.Hour || r.URL.Path == "/flaps-t" && passed.Minutes() > 30 && passed%time.Hour < 30*time.Minute {
				answer.WriteHeader(http.StatusInternalServerError)
			}
			return answer.Result()
		})}
		w.answer = func(arn string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://in.process/"+arn[len("log:"):], http.NoBody)
			w.must(err)
			_, err = target.Call(client, req)
			return err
		}
		for _, name := range []string{"dead", "flaps", "works"} {
			w.rule(name, "s", "t")
		}
		stop := w.run()
		events := 0
		for time.Since(begin) < 24*time.Hour {
			w.put("s", "s")
			events += 2
			for range 3 {
				time.Sleep(10 * time.Minute)
				synctest.Wait() // the keys and the counters are read one after the other
				w.conserved()
			}
			synctest.Wait()
			if c := w.queues.Counts(Default, "works"); c.Pending() > 0 {
				t.Fatalf("a target that works waits for others: %+v", c)
			}
		}
		after(3 * time.Hour)
		if n := w.conserved(); n != 0 {
			t.Errorf("%d events are pending", n)
		}
		stop()
		w.checkDay(uint64(events))
	})
}

// checkDay checks what became of the events of a day.
func (w *world) checkDay(events uint64) {
	w.t.Helper()
	for _, name := range []string{"flaps", "works"} {
		if c := w.queues.Counts(Default, name); c != (delivery.Counts{Matched: events, Delivered: events}) || w.sent("log:"+name+"-t") != int(events) {
			w.t.Errorf("%s: %+v of %d, %d sent", name, c, events, w.sent("log:"+name+"-t"))
		}
	}
	c := w.queues.Counts(Default, "dead")
	if c.Matched != events || c.Delivered+c.DeadLettered != events || c.DeadLettered == 0 || c.Delivered == 0 || w.sent("log:dead-t") != int(c.Delivered) {
		w.t.Errorf("dead: %+v of %d, %d sent", c, events, w.sent("log:dead-t"))
	}
	for _, d := range w.deadLetters() {
		// The disk is looked at once a minute; a probe takes what is ready, whatever
		// its age.
		last := d.History[len(d.History)-1].Start
		if age := d.Last.Sub(d.First); d.Condition != delivery.ConditionAge || age < 24*time.Hour || age > 24*time.Hour+2*time.Minute || last.Sub(d.First) > 24*time.Hour+time.Minute {
			w.t.Errorf("dead letter %+v after %v, last tried at %v", d, d.Last.Sub(d.First), last)
		}
	}
}
