package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

// An event goes from bus to bus as it is, once: buses that feed each other end
// with a dead letter that says so.
func TestForward(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.must(w.Create(Bus{Name: "main"}))
		w.rule("there", "s")
		w.must(w.PutRule(Rule{Bus: "main", Name: "back", Pattern: bySource("s")}))
		w.forwards = map[string]string{"log:to-main": "main", "log:to-default": Default}
		w.must(w.PutTargets(Default, "there", []Target{{ID: "t", ARN: "log:to-main"}}))
		w.must(w.PutTargets("main", "back", []Target{{ID: "t", ARN: "log:to-default"}}))
		stop := w.run()
		id := w.put("s")[0].ID
		after(time.Minute)
		stop()
		equal(w.t, "main", w.stored("main"), []string{"s"})
		equal(w.t, "default", w.stored(Default), []string{"s"})
		w.must(w.Events("main", 0, func(_ uint64, e *event.Event) bool {
			if e.ID != id || !e.Forwarded || strings.Contains(string(e.AppendJSON(nil)), "orwarded") {
				w.t.Errorf("arrived %+v", e)
			}
			return true
		}))
		if c := w.queues.Counts("main", "back"); c.DeadLettered != 1 {
			w.t.Errorf("%+v", c)
		}
	})
}

func TestForwardNowhere(t *testing.T) {
	w := memory(t, Options{})
	err := w.Forward(context.Background(), "nobody", out("x", "s").Event)
	var e *target.Error
	if !errors.As(err, &e) || !e.Permanent || e.Code != target.CodeNoResource {
		t.Errorf("error %v", err)
	}
}
