// Package targettest is the conformance suite of targets: what every kind of
// target promises, whatever it calls. Programs that embed a node run it on the
// targets that they write.
package targettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

// A Fixture is a target and the other side of it.
type Fixture struct {
	Target target.Target
	// Received returns the bodies that have arrived, in any order, with the
	// white space at their ends trimmed.
	Received func() []string
}

// Features are what else a kind of target can be tested for. A nil field skips its
// test.
type Features struct {
	// Hanging returns a target whose other side never answers. Its timeout
	// must be under a second.
	Hanging func(t *testing.T) target.Target
	// Failing returns a target whose other side fails in a way that passes.
	Failing func(t *testing.T) target.Target
	// Refusing returns a target whose called side rejects the event permanently.
	Refusing func(t *testing.T) target.Target
	// Talkative returns a target whose other side takes the event and answers
	// with more than target.MaxResponseBytes.
	Talkative func(t *testing.T) target.Target
}

// Delivery returns an attempt to deliver an event whose detail contains n.
func Delivery(n int) *target.Delivery {
	e := &event.Event{
		ID: fmt.Sprintf("id-%d", n), Source: "suite", DetailType: "Tested", Account: "000000000000", Region: "local",
		Time: time.Unix(1e9, 0).UTC(), Detail: fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, n, strings.Repeat("x", 3000)),
	}
	return &target.Delivery{Event: e, Body: e.AppendJSON(nil), Bus: "main", Rule: "suite", TargetID: "t", Attempt: 1}
}

// Run checks a kind of target. open makes a fresh one that works.
func Run(t *testing.T, open func(t *testing.T) Fixture, f Features) {
	t.Run("body", func(t *testing.T) { body(t, open(t)) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, open(t)) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, open(t).Target) })
	if f.Hanging != nil {
		t.Run("timeout", func(t *testing.T) { timeout(t, f.Hanging(t)) })
		t.Run("cancelled call", func(t *testing.T) { interrupted(t, f.Hanging(t)) })
	}
	if f.Failing != nil {
		t.Run("failure", func(t *testing.T) { failure(t, f.Failing(t), false) })
	}
	if f.Refusing != nil {
		t.Run("refusal", func(t *testing.T) { failure(t, f.Refusing(t), true) })
	}
	if f.Talkative != nil {
		t.Run("long answer", func(t *testing.T) { longAnswer(t, f.Talkative(t)) })
	}
}

// The body arrives once, as it was given, and the delivery is left alone.
func body(t *testing.T, f Fixture) {
	d, want := Delivery(1), Delivery(1)
	a, err := f.Target.Deliver(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == "" {
		t.Error("the answer has no status")
	}
	if got := f.Received(); !slices.Equal(got, []string{string(want.Body)}) {
		t.Errorf("received %q", got)
	}
	if !bytes.Equal(d.Body, want.Body) || !bytes.Equal(d.Event.Detail, want.Event.Detail) {
		t.Error("the delivery was changed")
	}
}

// Deliveries at one time do not mix.
func concurrent(t *testing.T, f Fixture) {
	const n = 32
	var calls sync.WaitGroup
	var want []string
	for i := range n {
		d := Delivery(i)
		want = append(want, string(d.Body))
		calls.Go(func() {
			if _, err := f.Target.Deliver(t.Context(), d); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	got := slices.Sorted(slices.Values(f.Received()))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("received %d bodies of %d, or not as they were given", len(got), n)
	}
}

// A call whose context is over is not made, and its error is the context's.
func cancelled(t *testing.T, tt target.Target) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tt.Deliver(ctx, Delivery(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A silent other side costs the timeout, no more, and is worth another call.
func timeout(t *testing.T, tt target.Target) {
	start := time.Now()
	_, err := tt.Deliver(t.Context(), Delivery(1))
	var e *target.Error
	if !errors.As(err, &e) || e.Permanent || e.Code != target.CodeTimeout {
		t.Errorf("error %#v", err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

// A running call ends with its context.
func interrupted(t *testing.T, tt target.Target) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := tt.Deliver(ctx, Delivery(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func failure(t *testing.T, tt target.Target, permanent bool) {
	_, err := tt.Deliver(t.Context(), Delivery(1))
	var e *target.Error
	if !errors.As(err, &e) || e.Permanent != permanent || e.Code == "" || e.Msg == "" {
		t.Errorf("error %#v, want one with permanent = %v", err, permanent)
	}
}

func longAnswer(t *testing.T, tt target.Target) {
	a, err := tt.Deliver(t.Context(), Delivery(1))
	if err != nil || len(a.Body) != target.MaxResponseBytes {
		t.Errorf("%d bytes of answer, error %v", len(a.Body), err)
	}
}
