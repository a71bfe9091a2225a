package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
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

// On a full disk, which refuses new events, those that were accepted go on to other
// buses, so that their deliveries end.
func TestForwardOnAFullDisk(t *testing.T) {
	fs := kvtest.NewSpaceFS(vfs.NewMem(), 100<<30)
	w := &world{t: t, bodies: map[string][]string{}}
	w.open(fs)
	w.must(w.Create(Bus{Name: "main"}))
	e := w.stamp(out(Default, "s").Event)
	w.close()
	fs.SetFree(100 << 20) // less than must stay free
	w.open(fs)
	t.Cleanup(w.close)
	if _, err := w.Put(t.Context(), []Entry{{Bus: Default, Source: "s", DetailType: "T", Detail: []byte("{}")}}); !errors.Is(err, kv.ErrDiskFull) {
		t.Errorf("put: %v", err)
	}
	if err := w.Forward(t.Context(), "main", e); err != nil {
		t.Error(err)
	}
}
