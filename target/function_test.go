package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

const greet = "arn:aws:lambda:us-east-1:000000000000:function:greet"

func TestFunction(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 2*target.MaxResponseBytes)
	for name, c := range map[string]struct {
		answer []byte
		failed string
		err    error
		code   string
	}{
		"answers":      {answer: []byte(`"hi"`)},
		"large answer": {answer: large},
		"fails":        {answer: []byte(`{"errorType":"E"}`), failed: "Unhandled", code: target.CodeUnavailable},
		"is not there": {err: fmt.Errorf("wrapped: %w", target.ErrNoFunction), code: target.CodeNoResource},
		"cannot start": {err: errors.New("no node"), code: target.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			fn, err := target.Open(greet, target.Options{Invoke: func(_ context.Context, name string, payload []byte) ([]byte, string, error) {
				got = name + " " + string(payload)
				return c.answer, c.failed, c.err
			}})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := fn.Deliver(t.Context(), &target.Delivery{Event: &event.Event{ID: "e"}, Body: []byte("{}")})
			var failed *target.Error
			switch {
			case c.code == "" && err != nil:
				t.Error(err)
			case c.code != "" && (!errors.As(err, &failed) || failed.Code != c.code || failed.Permanent):
				t.Errorf("%v, want %s", err, c.code)
			}
			if got != "greet {}" || len(answer.Body) > target.MaxResponseBytes {
				t.Errorf("invoked %q, answer of %d bytes", got, len(answer.Body))
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fn, err := target.Open(greet, target.Options{Invoke: func(ctx context.Context, _ string, _ []byte) ([]byte, string, error) { return nil, "", ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fn.Deliver(ctx, &target.Delivery{Event: &event.Event{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up: %v", err)
	}
}

func TestFunctionForms(t *testing.T) {
	none := func(context.Context, string, []byte) ([]byte, string, error) { return nil, "", nil }
	for arn, o := range map[string]target.Options{
		"arn:aws:lambda:us-east-1:0:layer:x":  {Invoke: none},
		"arn:aws:lambda:us-east-1:0:function": {Invoke: none},
		greet:                                 {},
	} {
		var bad *target.ParseError
		if _, err := target.Open(arn, o); !errors.As(err, &bad) {
			t.Errorf("%s: %v", arn, err)
		}
	}
}
