package eventbridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{most: 40 * time.Millisecond}
		began := time.Now()
		time.Sleep(time.Second)
		p.adapt(true, began, time.Now())
		p.adapt(true, began, time.Now()) // they were under way together
		if p.interval() != firstGap {
			t.Errorf("gap %v", p.interval())
		}
		for range 10 {
			p.adapt(true, time.Now(), time.Now())
		}
		if p.interval() != p.most {
			t.Errorf("gap %v", p.interval())
		}
		began = time.Now()
		for range 5 {
			if err := p.wait(t.Context(), time.Now); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 4*p.most {
			t.Errorf("5 calls in %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.wait(ctx, time.Now); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for range 60 {
			p.adapt(false, time.Now(), time.Now())
		}
		if p.interval() != 0 {
			t.Errorf("gap %v", p.interval())
		}
	})
}

func TestPause(t *testing.T) {
	p := New(Options{MinPause: time.Second, MaxPause: 5 * time.Second})
	for tries, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1000: 5 * time.Second} {
		for range 20 {
			if d := p.pause(tries); d < most/2 || d > most {
				t.Errorf("pause after %d failures: %v", tries, d)
			}
		}
	}
}

// What the failure of a call means.
func TestKinds(t *testing.T) {
	status := func(code int) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}, Err: errors.New("?")}
	}
	coded := func(code string) error {
		return fmt.Errorf("operation: %w", &smithy.GenericAPIError{Code: code, Message: "text"})
	}
	for _, c := range []struct {
		err  error
		want kind
	}{
		{nil, fine}, {errors.New("connection reset"), transient}, {coded("InternalException"), transient}, {coded("Unheard"), transient},
		{coded("ThrottlingException"), throttled}, {status(429), throttled}, {coded("ExpiredTokenException"), denied}, {status(403), denied},
		{coded("ValidationException"), refused}, {status(413), refused}, {status(500), transient}, {status(404), transient},
		{errors.New("operation error EventBridge: PutEvents, get identity: get credentials: none"), denied},
	} {
		got := kindOf(c.err)
		if got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
		if err := got.wrap(c.err); errors.Is(err, ErrDenied) != (got == denied) || isRejected(err) != (got == refused) {
			t.Errorf("%v becomes %v", c.err, err)
		}
	}
	for code, want := range map[string]string{
		"AccessDeniedException": "allow events:PutEvents on the bus", "ExpiredTokenException": "renew the credentials",
		"InvalidSignatureException": "check the clock, the region and the secret key", "": "check the credentials and the region",
		"RequestTimeTooSkewed": "check the clock, the region and the secret key", "UnrecognizedClientException": "check the credentials and the region",
	} {
		if got := hint(coded(code)); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}
