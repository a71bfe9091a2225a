package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/internal/server/servertest"
	"github.com/tablecast/tablecast/remote/worker"
)

// What keeps a worker from starting is told in one line, with the remedy.
func TestPrepare(t *testing.T) {
	const events = "events: { UserLeft: { from: users, on: remove, detail: { id: \"${old.id}\" } }, UserMoved: { from: users, changed: city } }\n"
	const wide = "tables: { users: { key: id } }\n" + events
	for _, c := range []struct{ name, tables, text, want string }{
		{"no table", "", wide, "there is no table users in region us-east-1, for these credentials; check the region (--region), the account and the name"},
		{"no stream", "tables: { users: { key: id } }\n", wide, "table users has no stream; enable it: aws dynamodb update-table --table-name users --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"},
		{"narrow view", "tables: { users: { key: id, stream: new-image } }\n", wide, "the stream of table users has the view NEW_IMAGE, but UserLeft reads old images, UserMoved reads old images; give it another: aws dynamodb update-table --table-name users --stream-specification StreamEnabled=false && aws"},
		{"no images", "tables: { users: { key: id, stream: keys-only } }\n", "tables: { users: { key: id } }\noutbox: { users: {} }\n", "KEYS_ONLY, but outbox reads new images"},
		{"no bus", users, strings.Replace(wide, "changed: city", "changed: city, bus: shop", 1) + "buses: [shop]\n", "there is no bus shop, and events for it would be lost without an error; create it: aws events create-event-bus --name shop"},
		{"another table for the state", "tables: { users: { key: id, stream: new-and-old-images }, state: { key: id } }\n", wide, "not a state table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, c.tables)
			err := p.open(t, "g", c.text).Prepare(t.Context())
			if !errors.Is(err, worker.ErrSetup) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// A file that a worker cannot follow is refused.
func TestNew(t *testing.T) {
	p := newPair(t, users)
	for text, want := range map[string]error{
		users: worker.ErrNothing,
		users + "functions: { f: { binary: /x } }\nevents: { E: { from: users, mapper: f } }\n": worker.ErrFunction,
	} {
		if _, err := worker.New(p.options(t, "g", text)); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// What a service answers, and what becomes of it.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		code, message string
		heals         bool
		want          string
	}{
		{"AccessDeniedException", "no", false, "cannot describe table users: missing permission: allow dynamodb:DescribeTable on the table"},
		{"ExpiredTokenException", "old", true, "the credentials have expired: renew them"},
		{"UnrecognizedClientException", "who", false, "the access key is not known"},
		{"InvalidSignatureException", "Signature expired: 1 is now earlier than 2", true, "the clock of this machine is wrong: set it"},
		{"InvalidSignatureException", "Credential should be scoped to a valid region", false, "the signature is refused: check the secret key, the region and the clock"},
		{"InternalServerError", "oops", true, "it may pass"},
	} {
		t.Run(c.code, func(t *testing.T) {
			p := newPair(t, users)
			calls := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(400)
				fmt.Fprintf(w, `{"__type":%q,"message":%q}`, "com.amazonaws.dynamodb.v20120810#"+c.code, c.message)
			}))
			defer srv.Close()
			o := p.options(t, "g", strict)
			o.Patience = 500 * time.Millisecond
			o.Tables = dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &srv.URL, Credentials: local, Retryer: aws.NopRetryer{}, HTTPClient: p.from.client})
			w, err := worker.New(o)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = w.Prepare(t.Context())
			if !errors.Is(err, worker.ErrSetup) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if tried := calls > 1; tried != c.heals {
				t.Errorf("%d calls in %v", calls, time.Since(began))
			}
		})
	}
}

// A clock that is wrong is told, and the worker starts once it is set.
func TestClock(t *testing.T) {
	for _, off := range []time.Duration{-20 * time.Minute, 20 * time.Minute} {
		p := &pair{serveFor(t, users, servertest.Keys{"local": "local"}), serve(t, ""), &lines{}}
		o := p.options(t, "g", strict)
		clock := &wrongClock{v4.NewSigner(), off, 0}
		o.Tables = dynamodb.New(dynamodb.Options{
			Region: "us-east-1", BaseEndpoint: &p.from.url, Credentials: local, Retryer: aws.NopRetryer{}, HTTPClient: p.from.client, HTTPSignerV4: clock,
		})
		o.Patience = time.Nanosecond
		if err := prepare(t, o); !errors.Is(err, worker.ErrSetup) || !strings.Contains(err.Error(), "the clock of this machine is wrong: set it") {
			t.Errorf("%v off: %v", off, err)
		}
		o.Patience, clock.calls = time.Minute, 3
		if err := prepare(t, o); err != nil || !strings.Contains(p.log.String(), "the clock of this machine is wrong: set it") {
			t.Errorf("%v off, then set: %v, %s", off, err, p.log)
		}
	}
}

func prepare(t *testing.T, o worker.Options) error {
	t.Helper()
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w.Prepare(t.Context())
}

// A wrongClock signs with a time that is off, for a number of calls if that is
// not 0.
type wrongClock struct {
	dynamodb.HTTPSignerV4
	off   time.Duration
	calls int
}

func (c *wrongClock) SignHTTP(ctx context.Context, who aws.Credentials, r *http.Request, hash, service, region string, at time.Time, with ...func(*v4.SignerOptions)) error {
	if c.calls--; c.calls != 0 {
		at = at.Add(c.off)
	} else {
		c.off = 0
	}
	return c.HTTPSignerV4.SignHTTP(ctx, who, r, hash, service, region, at, with...)
}

// Without credentials, and where no server is, the line says so; once a server
// is there, the worker starts.
func TestUnreachable(t *testing.T) {
	p := newPair(t, users)
	o := p.options(t, "g", strict)
	o.Patience = time.Nanosecond
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none here") })
	o.Tables = dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &p.from.url, Credentials: none, HTTPClient: p.from.client})
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "there are no credentials: set AWS_ACCESS_KEY_ID") {
		t.Error(err)
	}
	down := true
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if down {
			down = false
			panic(http.ErrAbortHandler)
		}
		(&rough{to: p.from, client: p.from.client}).ServeHTTP(out, r)
	}))
	defer srv.Close()
	o.Patience = time.Minute
	o.Tables = dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &srv.URL, Credentials: local, Retryer: aws.NopRetryer{}, HTTPClient: p.from.client})
	if w, err = worker.New(o); err != nil {
		t.Fatal(err)
	}
	if err := w.Prepare(t.Context()); err != nil || !strings.Contains(p.log.String(), "not ready to start") {
		t.Errorf("%v %s", err, p.log)
	}
}

// A bus that may not be described is no reason to stop.
func TestDescribeBusDenied(t *testing.T) {
	p := newPair(t, users)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"no"}`)
	}))
	defer srv.Close()
	o := p.options(t, "g", strict)
	o.Buses = eventbridge.New(eventbridge.Options{Region: "us-east-1", BaseEndpoint: &srv.URL, Credentials: local, HTTPClient: p.from.client})
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Ready(); !errors.Is(err, worker.ErrStarting) {
		t.Errorf("before Prepare: %v", err)
	}
	if err := w.Prepare(t.Context()); err != nil || !strings.Contains(p.log.String(), "allow events:DescribeEventBus") {
		t.Errorf("%v %s", err, p.log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	p.put(t, "id", "a", "email", "e")
	until(t, "it is not ready", func() bool { return w.Ready() != nil })
	if err := w.Ready(); !strings.Contains(err.Error(), "not allowed") {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil || slices.Contains(p.texts(t), "UserChanged a") {
		t.Error(err)
	}
}

// Events that lose their id on the way are told of at the start.
func TestBareDetails(t *testing.T) {
	p := newPair(t, users)
	if err := p.open(t, "g", users+"events: { Plain: { from: users } }\n").Prepare(t.Context()); err != nil || !strings.Contains(p.log.String(), "bare details lose their id") || !strings.Contains(p.log.String(), "definitions=Plain") {
		t.Errorf("%v %s", err, p.log)
	}
	p.log = &lines{}
	if err := p.open(t, "g", strict).Prepare(t.Context()); err != nil || p.log.String() != "" {
		t.Errorf("%v %s", err, p.log)
	}
}
