package bus

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// archiveAll makes an archive of the default bus.
func (w *world) archiveAll(name, pattern string, days int) {
	w.t.Helper()
	w.must(w.CreateArchive(Archive{Name: name, Bus: Default, Pattern: pattern, RetentionDays: days}))
}

// holds fails the test unless an archive holds n events.
func (w *world) holds(name string, n uint64) {
	w.t.Helper()
	a, err := w.Archive(name)
	w.must(err)
	if a.Events != n || (a.Bytes == 0) != (n == 0) {
		w.t.Errorf("archive %s holds %d events in %d bytes, want %d", name, a.Events, a.Bytes, n)
	}
}

// entriesOf counts the stored entries of an archive.
func (w *world) entriesOf(name string) (n int) {
	it := w.store.Scan(kv.Prefix(entryPrefix(name)))
	for it.Next() {
		n++
	}
	w.must(it.Close())
	return n
}

func (w *world) replay(name, archive string, rules ...string) Replay {
	w.t.Helper()
	r, err := w.StartReplay(Replay{Name: name, Archive: archive, Bus: Default, Rules: rules, From: time.Unix(0, 0), To: time.Now().Add(time.Hour)})
	w.must(err)
	return r
}

func (w *world) state(name string) string {
	w.t.Helper()
	r, err := w.Replay(name)
	w.must(err)
	return r.State
}

// An archive holds what its pattern wants, a replay sends it again, marked, to
// the rules that were named, and archives nothing of it.
func TestArchiveAndReplay(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.rule("all", "a", "t")
		w.rule("other", "a", "t")
		w.archiveAll("whole", "", 0)
		w.archiveAll("part", `{"source":["a"]} `, 0)
		stop := w.run()
		w.put("a", "b", "a")
		after(time.Second)
		w.holds("whole", 3)
		w.holds("part", 2)
		if r := w.replay("again", "part", "all"); r.State != ReplayStarting {
			w.t.Errorf("state %s", r.State)
		}
		after(time.Second)
		r, err := w.Replay("again")
		w.must(err)
		if r.State != ReplayCompleted || r.Sent != 2 || r.Ended.IsZero() || r.Last.IsZero() {
			w.t.Errorf("replay %+v", r)
		}
		if w.sent("log:all-t") != 4 || w.sent("log:other-t") != 2 {
			w.t.Errorf("sent %d and %d", w.sent("log:all-t"), w.sent("log:other-t"))
		}
		for i, body := range w.bodies["log:all-t"] {
			if strings.Contains(body, `"replay-name":"again"`) != (i >= 2) {
				w.t.Errorf("body %d: %s", i, body)
			}
		}
		w.holds("whole", 3)
		w.holds("part", 2)
		_, err = w.CancelReplay("again")
		w.want(err, ErrReplayOver)
		stop()
	})
}

// The window of a replay takes events by their own times, the first moment
// included.
func TestReplayWindow(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.rule("r", "s", "t")
		w.archiveAll("a", "", 0)
		base := time.Unix(1e9, 0).UTC()
		for i := range 5 {
			_, err := w.Put(t.Context(), []Entry{{Bus: Default, Source: "s", DetailType: "T", Detail: fmt.Appendf(nil, `{"i":%d}`, i), Time: base.Add(time.Duration(i) * time.Second)}})
			w.must(err)
		}
		stop := w.run()
		after(time.Second)
		w.bodies = map[string][]string{}
		_, err := w.StartReplay(Replay{Name: "x", Archive: "a", Bus: Default, From: base.Add(time.Second), To: base.Add(3 * time.Second)})
		w.must(err)
		after(time.Second)
		var got []string
		for _, body := range w.bodies["log:r-t"] {
			_, i, _ := strings.Cut(body, `"detail":`)
			got = append(got, i)
		}
		slices.Sort(got)
		equal(w.t, "replayed", got, []string{`{"i":1}}`, `{"i":2}}`})
		stop()
	})
}

// Power may fail at any moment of a replay: each event is sent exactly once.
func TestReplaySurvivesCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		fs := vfs.NewCrashableMem()
		w := &world{t: t, bodies: map[string][]string{}}
		w.open(fs)
		w.archiveAll("a", "", 0)
		const events = 9000 // more than two segments
		for i := 0; i < events; i += 500 {
			var batch []Outgoing
			for j := range 500 {
				o := out(Default, "s")
				o.Event.ID, o.Event.Time = fmt.Sprint(i+j), time.Unix(9e8, 0)
				batch = append(batch, o)
			}
			w.must(w.Accept(t.Context(), batch, func(*kv.Batch) {}))
		}
		w.holds("a", events)
		w.replay("x", "a")
		for crashes := 0; w.state("x") != ReplayCompleted; crashes++ {
			if crashes == 100 {
				t.Fatal("the replay does not end")
			}
			for range rnd.IntN(4) {
				w.must(w.stepReplay("x"))
			}
			left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
			w.close()
			fs = left
			w.open(left)
		}
		seen := map[string]int{}
		w.must(w.Events(Default, 0, func(_ uint64, e *event.Event) bool {
			if e.ReplayName == "x" {
				seen[e.ID]++
			}
			return true
		}))
		for id, n := range seen {
			if n != 1 {
				t.Fatalf("event %s was sent %d times", id, n)
			}
		}
		if r, _ := w.Replay("x"); len(seen) != events || r.Sent != events {
			t.Errorf("%d events sent, counted %d", len(seen), r.Sent)
		}
		w.holds("a", events)
		w.close()
	})
}

// A canceled replay ends where it is.
func TestCancelReplay(t *testing.T) {
	w := memory(t, Options{})
	w.archiveAll("a", "", 0)
	w.put("s")
	w.replay("x", "a")
	r, err := w.CancelReplay("x")
	w.must(err)
	if r.State != ReplayCancelling {
		t.Errorf("state %s", r.State)
	}
	w.reopen()
	w.must(w.stepReplay("x"))
	if r, _ := w.Replay("x"); r.State != ReplayCancelled || r.Sent != 0 {
		t.Errorf("replay %+v", r)
	}
	_, err = w.CancelReplay("nobody")
	w.want(err, ErrReplayNotFound)
}

// Events leave an archive after its retention, in time that nodes ran, by
// ranges, and the counts follow.
func TestArchiveRetention(t *testing.T) {
	w := memory(t, Options{})
	w.archiveAll("a", "", 2)
	w.archiveAll("forever", "", 0)
	var l retentionState
	pass := func(hours int) { // a round each half hour
		for range 2 * hours {
			l.advance(30*time.Minute, w.store.Durable(), w.opts.withDefaults().Retention)
			w.must(w.trim(&l))
		}
	}
	for range 4 {
		w.put("s", "s")
		pass(24)
		w.reopen()
	}
	w.holds("a", 4)
	if n := w.entriesOf("a"); n != 4 {
		t.Errorf("%d entries", n)
	}
	w.holds("forever", 8)
	days := 1
	_, err := w.UpdateArchive("a", ArchiveUpdate{RetentionDays: &days})
	w.must(err)
	pass(1)
	w.holds("a", 2)
	pass(24)
	w.holds("a", 0)
	if n := w.entriesOf("a"); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// Only the archive changes its rule, and an archive that goes takes all with it.
func TestArchiveRule(t *testing.T) {
	w := memory(t, Options{})
	w.archiveAll("a", `{"source":["s"]}`, 0)
	equal(t, "rules", w.names(Default), []string{"Events-Archive-a"})
	r, err := w.Rule(Default, "Events-Archive-a")
	w.must(err)
	if r.ManagedBy == "" || r.Pattern != `{"source":["s"],"replay-name":[{"exists":false}]}` {
		t.Errorf("rule %+v", r)
	}
	w.want(w.PutRule(Rule{Bus: Default, Name: r.Name, Pattern: bySource("x")}), ErrManagedRule)
	w.want(w.SetEnabled(Default, r.Name, false), ErrManagedRule)
	w.want(w.DeleteRule(Default, r.Name), ErrManagedRule)
	w.want(w.PutTargets(Default, r.Name, []Target{{ID: "t", ARN: "log:x"}}), ErrManagedRule)
	_, err = w.RemoveTargets(Default, r.Name, []string{"t"})
	w.want(err, ErrManagedRule)
	w.want(w.CreateArchive(Archive{Name: "a", Bus: Default}), ErrArchiveExists)
	w.want(w.CreateArchive(Archive{Name: "b", Bus: "nobody"}), ErrBusNotFound)

	w.put("s", "x")
	w.holds("a", 1)
	other := bySource("x")
	_, err = w.UpdateArchive("a", ArchiveUpdate{Pattern: &other})
	w.must(err)
	w.put("s", "x", "x")
	w.holds("a", 3)
	w.reopen()
	w.put("x")
	w.holds("a", 4)

	w.replay("x", "a")
	w.must(w.DeleteArchive("a"))
	equal(t, "rules", w.names(Default), nil)
	if n := w.entriesOf("a"); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	w.must(w.stepReplay("x"))
	if w.state("x") != ReplayFailed {
		t.Errorf("state %s", w.state("x"))
	}
	w.want(w.DeleteArchive("a"), ErrArchiveNotFound)
	_, err = w.StartReplay(Replay{Name: "y", Archive: "a", Bus: Default})
	w.want(err, ErrArchiveNotFound)
}

// A segment that fills up while a round of retention looks at the archive keeps
// its counts.
func TestSegmentFillsDuringTrim(t *testing.T) {
	w := memory(t, Options{})
	w.archiveAll("a", "", 1)
	const batch = event.MaxPutEntries
	sources := slices.Repeat([]string{"s"}, batch)
	total := uint64(0)
	put := func() { w.put(sources...); total += batch }
	for total+batch < segmentEvents {
		put()
	}
	l := retentionState{Uptime: 1000}
	b := w.store.NewBatch()
	w.must(w.trimArchives(b, &l))
	put() // opens the next segment
	if _, err := w.store.Commit(b); err != nil {
		t.Fatal(err)
	}
	w.holds("a", total)
	w.replay("again", "a")
	for r, _ := w.Replay("again"); !r.Over(); r, _ = w.Replay("again") {
		w.must(w.stepReplay("again"))
	}
	if r, _ := w.Replay("again"); r.State != ReplayCompleted || r.Sent != total {
		t.Errorf("the replay sent %d of %d events: %s %s", r.Sent, total, r.State, r.Reason)
	}
}
