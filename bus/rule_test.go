package bus

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

func TestBuses(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := memory(t, Options{MaxBuses: 3, Now: func() time.Time { return now }})
	w.must(w.Create(Bus{Name: "b", Description: "d", Origin: "file", Tags: map[string]string{"k": "v"}}))
	w.must(w.Create(Bus{Name: "a"}))
	w.want(w.Create(Bus{Name: "b"}), ErrBusExists)
	w.want(w.Create(Bus{Name: Default}), ErrBusExists)
	w.want(w.Create(Bus{Name: "x/y"}), ErrBusName)
	w.want(w.Create(Bus{}), ErrBusName)
	w.want(w.Create(Bus{Name: "c"}), ErrLimit)
	w.reopen()
	want := []Bus{
		{Name: "a", Created: now, Modified: now},
		{Name: "b", Description: "d", Created: now, Modified: now, Origin: "file", Tags: map[string]string{"k": "v"}},
		{Name: Default, Created: now, Modified: now},
	}
	if diff := cmp.Diff(w.List(""), want); diff != "" {
		t.Error(diff)
	}
	if got := w.List("de"); len(got) != 1 || got[0].Name != Default {
		t.Errorf("list de: %v", got)
	}
	if _, err := w.Describe("nobody"); !errors.Is(err, ErrBusNotFound) {
		t.Error(err)
	}
	w.want(w.Delete(Default), ErrDefaultBus)
	w.must(w.Delete("nobody"))
	w.must(w.PutRule(Rule{Bus: "b", Name: "r", Pattern: bySource("s")}))
	w.want(w.Delete("b"), ErrBusHasRules)
	w.must(w.DeleteRule("b", "r"))
	w.must(w.Delete("b"))
	w.reopen()
	if _, err := w.Describe("b"); !errors.Is(err, ErrBusNotFound) {
		t.Error(err)
	}
	if got := w.ARN("a") + " " + w.RuleARN("a", "r") + " " + w.RuleARN(Default, "r"); got != "arn:aws:events:us-east-1:000000000000:event-bus/a "+
		"arn:aws:events:us-east-1:000000000000:rule/a/r arn:aws:events:us-east-1:000000000000:rule/r" {
		t.Error(got)
	}
}

// A deleted bus takes its events along; one of the same name starts empty.
func TestDeletedBusIsEmpty(t *testing.T) {
	w := memory(t, Options{})
	for _, name := range []string{"main", "main2"} {
		w.must(w.Create(Bus{Name: name}))
		w.must(w.Accept(t.Context(), []Outgoing{out(name, "s")}, func(*kv.Batch) {}))
	}
	w.must(w.Delete("main"))
	w.must(w.Create(Bus{Name: "main"}))
	equal(t, "main", w.stored("main"), nil)
	equal(t, "main2", w.stored("main2"), []string{"s"})
}

// PutRule replaces all of a rule but its targets and tags.
func TestPutRuleReplaces(t *testing.T) {
	w := memory(t, Options{})
	first := Rule{Bus: Default, Name: "r", Pattern: bySource("a"), Disabled: true, Description: "d", RoleARN: "role", Tags: map[string]string{"k": "v"}, Origin: "file"}
	w.must(w.PutRule(first))
	target := Target{ID: "t", ARN: "log:x", Origin: "file"}
	w.must(w.PutTargets(Default, "r", []Target{target}))
	w.must(w.PutRule(Rule{Bus: Default, Name: "r", Pattern: bySource("b"), Tags: map[string]string{"x": "y"}, Targets: []Target{{ID: "u"}}}))
	w.reopen()
	got, err := w.Rule(Default, "r")
	w.must(err)
	want := Rule{Bus: Default, Name: "r", Pattern: bySource("b"), Tags: map[string]string{"k": "v"}, Targets: []Target{target}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	w.put("a", "b")
	if c := w.queues.Counts(Default, "r"); c.Matched != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestRuleErrors(t *testing.T) {
	w := memory(t, Options{MaxRules: 2, MaxTargets: 2})
	var bad *pattern.Error
	if err := w.PutRule(Rule{Bus: Default, Name: "r", Pattern: `{"a":1}`}); !errors.As(err, &bad) {
		t.Errorf("bad pattern: %v", err)
	}
	equal(t, "rules", w.names(Default), nil)
	w.rule("b", "s")
	w.rule("a", "s")
	equal(t, "rules", w.names(Default), []string{"a", "b"})
	w.want(w.PutRule(Rule{Bus: Default, Name: "c", Pattern: bySource("s")}), ErrLimit)
	w.rule("a", "s2")
	w.want(w.PutRule(Rule{Bus: "nobody", Name: "r", Pattern: bySource("s")}), ErrBusNotFound)
	targets := func(ids ...string) (out []Target) {
		for _, id := range ids {
			out = append(out, Target{ID: id, ARN: "log:" + id})
		}
		return out
	}
	w.want(w.PutTargets(Default, "a", targets("1", "2", "3")), ErrLimit)
	w.must(w.PutTargets(Default, "a", targets("2", "1", "2")))
	w.want(w.PutTargets(Default, "a", targets("3")), ErrLimit)
	w.must(w.PutTargets(Default, "a", []Target{{ID: "1", ARN: "log:new"}}))
	w.want(w.PutTargets(Default, "nobody", targets("1")), ErrRuleNotFound)
	w.want(w.PutTargets("nobody", "a", targets("1")), ErrBusNotFound)
	w.want(w.DeleteRule(Default, "a"), ErrRuleHasTargets)
	w.must(w.DeleteRule(Default, "nobody"))
	w.want(w.DeleteRule("nobody", "a"), ErrBusNotFound)
	w.want(w.SetEnabled(Default, "nobody", true), ErrRuleNotFound)
	found, err := w.RulesByTarget(Default, "log:new")
	if err != nil || len(found) != 1 || found[0].Targets[0].ID != "1" || found[0].Targets[1].ARN != "log:2" {
		t.Errorf("by target: %+v, %v", found, err)
	}
	missing, err := w.RemoveTargets(Default, "a", []string{"2", "x", "1", "2"})
	w.must(err)
	equal(t, "missing", missing, []string{"x", "2"})
	w.must(w.DeleteRule(Default, "a"))
	w.reopen()
	equal(t, "rules", w.names(Default), []string{"b"})
}

func TestTags(t *testing.T) {
	w := memory(t, Options{})
	w.rule("r", "s")
	for _, rule := range []string{"", "r"} {
		w.must(w.Tag(Default, rule, map[string]string{"a": "1", "b": "2"}, nil))
		w.must(w.Tag(Default, rule, map[string]string{"a": "3"}, []string{"b", "x"}))
		many := map[string]string{}
		for i := range maxTags {
			many[fmt.Sprint("t", i)] = ""
		}
		w.want(w.Tag(Default, rule, many, nil), ErrTooManyTags)
		w.reopen()
		if got, err := w.Tags(Default, rule); err != nil || !maps.Equal(got, map[string]string{"a": "3"}) {
			t.Errorf("tags of %q: %v, %v", rule, got, err)
		}
		w.must(w.Tag(Default, rule, nil, []string{"a"}))
		if got, err := w.Tags(Default, rule); err != nil || got != nil {
			t.Errorf("tags of %q: %v, %v", rule, got, err)
		}
	}
	w.want(w.Tag(Default, "nobody", nil, nil), ErrRuleNotFound)
	w.want(w.Tag("nobody", "", nil, nil), ErrBusNotFound)
}

// What does not change costs no commit: a node may declare its file at each
// start.
func TestNoChangeNoCommit(t *testing.T) {
	w := memory(t, Options{})
	w.rule("r", "s", "t")
	before := w.store.Durable()
	w.rule("r", "s", "t")
	w.must(w.SetEnabled(Default, "r", true))
	if after := w.store.Durable(); after != before {
		t.Errorf("%d commits", after-before)
	}
}

// A disabled rule matches nothing; events matched before are still delivered.
func TestDisable(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.rule("r", "s", "t")
		w.put("s")
		w.must(w.SetEnabled(Default, "r", false))
		w.put("s")
		w.reopen()
		w.put("s")
		stop := w.run()
		after(0)
		if c := w.queues.Counts(Default, "r"); c.Matched != 1 || c.Delivered != 1 || w.sent("log:r-t") != 1 {
			w.t.Errorf("counts %+v", c)
		}
		w.must(w.SetEnabled(Default, "r", true))
		w.put("s")
		after(0)
		if w.sent("log:r-t") != 2 {
			w.t.Errorf("sent %d", w.sent("log:r-t"))
		}
		stop()
	})
}

// An event that was matched before its target, rule or bus went away: nothing
// is left behind, and each match is counted (P6).
func TestRemovedBetweenMatchAndCommit(t *testing.T) {
	w := memory(t, Options{})
	w.must(w.Create(Bus{Name: "main"}))
	w.must(w.PutRule(Rule{Bus: "main", Name: "r", Pattern: bySource("s")}))
	w.must(w.PutTargets("main", "r", []Target{{ID: "t", ARN: "log:x"}, {ID: "u", ARN: "log:x"}}))
	matched := func() *routed {
		o := out("main", "s")
		a, err := w.route(o.Bus, o.Event)
		w.must(err)
		return a
	}
	commit := func(a *routed) {
		b := w.store.NewBatch()
		w.addRouted(b, []*routed{a})
		w.must(w.commit(b, []*routed{a}))
	}
	first, second := matched(), matched()
	_, err := w.RemoveTargets("main", "r", []string{"t"})
	w.must(err)
	commit(first)
	if c := w.queues.Counts("main", "r"); c.Matched != 2 || c.Dropped != 1 || c.Pending() != 1 {
		t.Errorf("after removing a target: %+v", c)
	}
	_, err = w.RemoveTargets("main", "r", []string{"u"})
	w.must(err)
	w.must(w.DeleteRule("main", "r"))
	w.must(w.Delete("main"))
	w.must(w.Create(Bus{Name: "main"}))
	w.must(w.PutRule(Rule{Bus: "main", Name: "r", Pattern: bySource("s")}))
	w.must(w.PutTargets("main", "r", []Target{{ID: "t", ARN: "log:x"}}))
	commit(second)
	equal(t, "the new bus", w.stored("main"), nil)
	if c := w.queues.Counts("main", "r"); c.Matched != c.Dropped+c.Delivered+c.DeadLettered || c.Matched != 2 {
		t.Errorf("after deleting the bus: %+v", c)
	}
}

// Invariant 2: readers and changes do not disturb each other, and an event sees
// all or nothing of a change.
func TestCrossingChanges(t *testing.T) {
	w := memory(t, Options{})
	w.rule("a", "none")
	w.rule("b", "none")
	both := func(pattern string) {
		for _, name := range []string{"a", "b"} {
			w.must(w.PutRule(Rule{Bus: Default, Name: name, Pattern: pattern}))
		}
	}
	done := make(chan struct{})
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					w.put("s", "x")
					_ = w.List("")
				}
			}
		})
	}
	for range 50 {
		both(bySource("s"))
		w.must(w.PutTargets(Default, "a", []Target{{ID: "t", ARN: "log:x"}}))
		_, err := w.RemoveTargets(Default, "a", []string{"t"})
		w.must(err)
		both(bySource("none"))
	}
	close(done)
	work.Wait()
	for _, a := range w.accepted {
		if a.Event.Source == "x" && a.Rules != nil {
			t.Fatalf("matched %+v", a)
		}
	}
	if c := w.queues.Counts(Default, "a"); c.Matched != c.Dropped || c.Pending() != 0 {
		t.Errorf("counts %+v", c)
	}
}
