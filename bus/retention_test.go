package bus

import (
	"errors"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// Events are kept for the retention, in time that nodes ran, and little longer,
// whatever the wall clock says.
func TestRetention(t *testing.T) {
	var jump time.Duration
	o := Options{Retention: 2 * time.Hour, Now: func() time.Time { return time.Now().Add(jump) }}
	bubble(t, o, func(w *world) {
		w.put("a")
		for range 4 { // runs of half an hour each, with downtime between
			stop := w.run()
			after(30*time.Minute - time.Second)
			stop()
			time.Sleep(3 * time.Hour)
			jump += 1000 * time.Hour
			w.reopen()
		}
		w.put("b")
		equal(w.t, "just before", w.stored(Default), []string{"a", "b"})
		stop := w.run()
		after(10 * time.Minute)
		equal(w.t, "after the retention", w.stored(Default), []string{"b"})
		after(2 * time.Hour)
		equal(w.t, "at last", w.stored(Default), nil)
		before := w.store.Durable()
		after(3 * time.Hour)
		if w.store.Durable() != before {
			w.t.Error("an empty bus is written to")
		}
		stop()
	})
}

// An event stays as long as a delivery of it is pending, and goes thereafter.
func TestPendingEventsStay(t *testing.T) {
	bubble(t, Options{Retention: 3 * time.Hour}, func(w *world) {
		w.answer = func(string) error { return errors.New("down") }
		w.must(w.PutRule(Rule{Bus: Default, Name: "r", Pattern: bySource("b")}))
		w.must(w.PutTargets(Default, "r", []Target{{ID: "t", ARN: "log:x", MaxAgeSeconds: 6 * 3600}}))
		w.put("a", "b", "c")
		w.must(w.Create(Bus{Name: "main"}))
		w.must(w.Accept(w.t.Context(), []Outgoing{out("main", "m")}, func(*kv.Batch) {}))
		stop := w.run()
		after(4 * time.Hour)
		equal(w.t, "default", w.stored(Default), []string{"b", "c"})
		equal(w.t, "main", w.stored("main"), nil)
		after(3 * time.Hour) // the delivery has given up
		equal(w.t, "default", w.stored(Default), nil)
		if c := w.queues.Counts(Default, "r"); c.DeadLettered != 1 {
			w.t.Errorf("counts %+v", c)
		}
		stop()
	})
}

// Event says that an event is gone in a way that delivery understands.
func TestEventGone(t *testing.T) {
	w := memory(t, Options{})
	if _, err := Event(w.store, Default, 7); !errors.Is(err, kv.ErrNotFound) {
		t.Error(err)
	}
	w.put("a", "b")
	var seqs []uint64
	for _, a := range w.accepted {
		seqs = append(seqs, a.Seq)
	}
	equal(t, "after the first", sources(t, w, seqs[0]), []string{"b"})
}

func sources(t *testing.T, w *world, after uint64) (out []string) {
	t.Helper()
	err := w.Events(Default, after, func(_ uint64, e *event.Event) bool {
		out = append(out, e.Source)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
