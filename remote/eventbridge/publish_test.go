package eventbridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/target/claim"
)

// many returns one event each of n groups.
func many(n int, more string) (out []mapping.Raised) {
	for i := range n {
		out = append(out, raised(fmt.Sprint("g", i), 1, more))
	}
	return out
}

func allNil(t *testing.T, results []error) {
	t.Helper()
	for i, err := range results {
		if err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
}

// Events of many groups fill the calls, by count and by bytes.
func TestBatches(t *testing.T) {
	s := start(t)
	one := many(1, "")[0].Event
	for _, c := range []struct{ events, maxBytes, calls int }{
		{30, 0, 3}, {31, 0, 4}, {30, 3 * (one.Size(true) + 1), 10}, {1, one.Size(true), 1},
	} {
		s.plan()
		p, _ := s.publisher(eventbridge.Options{MaxBytes: c.maxBytes, Concurrency: 1})
		allNil(t, p.Publish(limit(t), many(c.events, "")))
		if len(s.calls) != c.calls {
			t.Errorf("%d events at %d bytes: %d calls, want %d", c.events, c.maxBytes, len(s.calls), c.calls)
		}
		if got := p.Status().Published; got != uint64(c.events) {
			t.Errorf("published: %d", got)
		}
	}
	if p, _ := s.publisher(eventbridge.Options{}); len(p.Publish(t.Context(), nil)) != 0 {
		t.Error("no events have results")
	}
}

// Events without a group do not wait for each other.
func TestUngrouped(t *testing.T) {
	s := start(t)
	events := many(20, "")
	for i := range events {
		events[i].Event.Group = ""
	}
	p, _ := s.publisher(eventbridge.Options{Concurrency: 1})
	allNil(t, p.Publish(limit(t), events))
	if len(s.calls) != 2 {
		t.Errorf("%d calls", len(s.calls))
	}
}

// What is too large goes to the claim check; without one it is rejected, and
// what is small goes on.
func TestTooLarge(t *testing.T) {
	s := start(t)
	events := append(many(2, strings.Repeat("x", 3000)), raised("small", 1, ""))
	p, _ := s.publisher(eventbridge.Options{MaxBytes: 2000})
	results := p.Publish(limit(t), events)
	for i, want := range []error{eventbridge.ErrRejected, eventbridge.ErrRejected, nil} {
		if !errors.Is(results[i], want) {
			t.Errorf("event %d: %v", i, results[i])
		}
	}
	got, at := s.facts(t, 0)
	if len(got) != 1 || got[0].group != "small" || !strings.Contains(results[0].Error(), "claim-check") {
		t.Errorf("the bus has %v, %v", got, results[0])
	}

	store, err := claim.OpenFolder(filepath.Join(t.TempDir(), "claims"))
	if err != nil {
		t.Fatal(err)
	}
	s.plan(throttle, entries)
	p, _ = s.publisher(eventbridge.Options{MaxBytes: 2000, Claims: store, ClaimAbove: 1000})
	allNil(t, p.Publish(limit(t), append(many(2, strings.Repeat("x", 3000)), raised("above", 1, strings.Repeat("y", 1200)))))
	n := 0
	err = s.buses.Events("default", at, func(_ uint64, e *event.Event) bool {
		n++
		if _, ok := claim.ParseReference(e.Detail); !ok {
			t.Errorf("detail: %.100s", e.Detail)
		}
		if full, err := claim.Fetch(t.Context(), store, e.Detail); err != nil || !strings.Contains(string(full), "xxx") && !strings.Contains(string(full), "yyy") {
			t.Errorf("claimed: %.100s, %v", full, err)
		}
		return true
	})
	if err != nil || n != 3 || len(events[0].Event.Detail) < 3000 {
		t.Errorf("%d events, %v; the caller's has %d bytes", n, err, len(events[0].Event.Detail))
	}
}

// A denial is told once, with a remedy, and heals.
func TestDenied(t *testing.T) {
	s := start(t)
	s.plan(denied, denied, denied, denied)
	p, log := s.publisher(eventbridge.Options{Concurrency: 1})
	allNil(t, p.Publish(limit(t), many(3, "")))
	if log.count("is not allowed") != 1 || log.count("events:PutEvents on the bus") != 1 || log.count("works again") != 1 || p.Status().Denied != nil {
		t.Errorf("log: %s, %+v", log.text.String(), p.Status())
	}
	s.plan(denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied, denied)
	ctx, cancel := context.WithCancel(limit(t))
	client := &stopping{s.sdk(), func() { cancel() }, 3}
	p = eventbridge.New(eventbridge.Options{Client: client, MinPause: 1, MaxPause: 2, Concurrency: 1})
	for i, err := range p.Publish(ctx, many(3, "")) {
		if !errors.Is(err, context.Canceled) || !errors.Is(err, eventbridge.ErrDenied) {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if !errors.Is(p.Status().Denied, eventbridge.ErrDenied) {
		t.Errorf("%+v", p.Status())
	}
}

// A stopping client calls stop once it was called a number of times.
type stopping struct {
	eventbridge.Client
	stop func()
	in   int
}

func (c *stopping) PutEvents(ctx context.Context, in *sdk.PutEventsInput, with ...func(*sdk.Options)) (*sdk.PutEventsOutput, error) {
	out, err := c.Client.PutEvents(ctx, in, with...)
	if c.in--; c.in == 0 {
		c.stop()
	}
	return out, err
}

// Credentials that are missing, and an endpoint that nobody serves, are for
// another try.
func TestUnreachable(t *testing.T) {
	s := start(t)
	nobody := "http://127.0.0.1:1"
	for _, o := range []sdk.Options{
		{Region: "us-east-1", BaseEndpoint: &nobody, Credentials: s.sdk().Options().Credentials, HTTPClient: s.client},
		{Region: "us-east-1", BaseEndpoint: &s.url, HTTPClient: s.client, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no credentials here")
		})},
	} {
		ctx, cancel := context.WithCancel(limit(t))
		p := eventbridge.New(eventbridge.Options{Client: &stopping{sdk.New(o), cancel, 3}, MinPause: 1, MaxPause: 2, Concurrency: 1})
		results := p.Publish(ctx, many(1, ""))
		isDenied := *o.BaseEndpoint == s.url
		if !errors.Is(results[0], context.Canceled) || errors.Is(results[0], eventbridge.ErrDenied) != isDenied || (p.Status().Denied != nil) != isDenied {
			t.Errorf("%v, %+v", results[0], p.Status())
		}
	}
}

// A throttled publisher slows down, and not for good.
func TestThrottled(t *testing.T) {
	s := start(t)
	s.plan(throttle, entries, throttle)
	p, _ := s.publisher(eventbridge.Options{Concurrency: 2})
	allNil(t, p.Publish(limit(t), many(40, "")))
	if st := p.Status(); st.Throttled != 3 || st.Retried == 0 || st.Gap == 0 {
		t.Errorf("%+v", st)
	}
	for range 5 {
		allNil(t, p.Publish(limit(t), many(60, "")))
	}
	if st := p.Status(); st.Gap != 0 {
		t.Errorf("%+v", st)
	}
}

// An entry that alone fails each time holds nothing but its group, and not for
// ever; calls that fail and throttling do not count against it.
func TestGivenUp(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		giveUp, each time.Duration // each is what passes with a call
		more         string
		faults       []fault
		calls        int
	}{
		{0, time.Minute, "sick", nil, 16},
		{4 * time.Minute, time.Minute, "sick", nil, 5},
		{4 * time.Minute, time.Minute, "sick", []fault{broken, broken, broken, throttle, throttle, throttle}, 11},
		{time.Minute, time.Hour, "", []fault{broken, broken, broken, throttle, throttle, throttle}, 8},
	} {
		s.plan(c.faults...)
		var passed atomic.Int64
		p := eventbridge.New(eventbridge.Options{
			Client: &ticking{s.sdk(), &passed, c.each}, MinPause: 1, MaxPause: 2, Concurrency: 1, GiveUp: c.giveUp,
			Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
		})
		results := p.Publish(limit(t), []mapping.Raised{raised("a", 1, c.more), raised("a", 2, ""), raised("b", 1, ""), raised("b", 2, "")})
		first, second := error(nil), error(nil)
		if c.more != "" {
			first, second = eventbridge.ErrRejected, eventbridge.ErrBehind
		}
		for i, want := range []error{first, second, nil, nil} {
			if !errors.Is(results[i], want) {
				t.Errorf("event %d: %v, want %v", i, results[i], want)
			}
		}
		if first != nil && !strings.Contains(results[0].Error(), "InternalFailure: planned (the entry alone fails, again and again)") {
			t.Errorf("it was given up for: %v", results[0])
		}
		if len(s.calls) != c.calls {
			t.Errorf("%d calls, want %d", len(s.calls), c.calls)
		}
	}

	var passed atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	s.plan(entries, entries, entries, entries) // the first of a call is throttled
	p := eventbridge.New(eventbridge.Options{
		Client: &ticking{s.sdk(), &passed, time.Hour}, MinPause: 1, MaxPause: 2, Concurrency: 1, GiveUp: time.Minute, Now: now,
	})
	allNil(t, p.Publish(limit(t), many(1, "")))
	if len(s.calls) != 5 {
		t.Errorf("%d calls of an entry that was throttled", len(s.calls))
	}

	ctx, cancel := context.WithCancel(limit(t))
	p = eventbridge.New(eventbridge.Options{
		Client: &stopping{&ticking{s.sdk(), &passed, time.Hour}, cancel, 100}, MinPause: 1, MaxPause: 2, Concurrency: 1, GiveUp: -1, Now: now,
	})
	if results := p.Publish(ctx, many(1, "sick")); !errors.Is(results[0], context.Canceled) {
		t.Error(results[0])
	}
}

// A ticking client lets time pass with each call.
type ticking struct {
	eventbridge.Client
	passed *atomic.Int64
	each   time.Duration
}

func (c *ticking) PutEvents(ctx context.Context, in *sdk.PutEventsInput, with ...func(*sdk.Options)) (*sdk.PutEventsOutput, error) {
	defer c.passed.Add(int64(c.each))
	return c.Client.PutEvents(ctx, in, with...)
}

// Whoever publishes bare details hears of it.
func TestBareDetails(t *testing.T) {
	log := &lines{}
	defs := []mapping.Definition{{Name: "Plain"}, {Name: "Wrapped", Shape: mapping.Shape{Envelope: mapping.Metadata}}}
	eventbridge.New(eventbridge.Options{Definitions: defs, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if log.count("Plain") != 1 || log.count("Wrapped") != 0 {
		t.Error(log.text.String())
	}
}
