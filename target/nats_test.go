package target_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// startNATS runs a server until the test ends.
func startNATS(t *testing.T) (url string, js jetstream.JetStream) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not come up")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	return s.ClientURL(), js
}

// received returns the bodies that a stream keeps.
func received(t *testing.T, stream jetstream.Stream) (out []string) {
	t.Helper()
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && info.State.Msgs > 0; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(m.Data))
	}
	return out
}

// What a subject of NATS promises is what every target does; a repeat is told by
// the event's id, and a subject without a stream is a failure.
func TestNATS(t *testing.T) {
	url, js := startNATS(t)
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		name := strings.ReplaceAll(t.Name(), "/", "-")
		stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		return targettest.Fixture{Target: open(t, url+"/"+name, target.Options{}), Received: func() []string { return received(t, stream) }}
	}, targettest.Features{})
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "events", Subjects: []string{"events.>"}})
	if err != nil {
		t.Fatal(err)
	}
	d := targettest.Delivery(77)
	d.Event.Trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	to := open(t, url+"/events.again", target.Options{})
	for _, want := range []string{"stream events", "stream events has it"} {
		if a, err := to.Deliver(t.Context(), d); err != nil || a.Status != want {
			t.Errorf("%q, %v, want %q", a.Status, err, want)
		}
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "events.again")
	if err != nil || m.Header.Get("Nats-Msg-Id") != d.Event.ID || !strings.Contains(m.Header.Get("Traceparent"), "bd862e3fe1be46a994272793") {
		t.Errorf("%+v, %v", m, err)
	}
	var e *target.Error
	if _, err := open(t, url+"/nowhere", target.Options{}).Deliver(t.Context(), d); !errors.As(err, &e) || e.Code != target.CodeNoResource || e.Permanent {
		t.Errorf("a subject without a stream: %#v", err)
	}
	if _, err := open(t, "nats://127.0.0.1:1/events.x", target.Options{}).Deliver(t.Context(), d); !errors.As(err, &e) || e.Code != target.CodeUnavailable {
		t.Errorf("no server: %#v", err)
	}
	if _, err := open(t, "nats://example.invalid:4222/events.x", target.Options{PublicOnly: always}).Deliver(t.Context(), d); err == nil {
		t.Error("a name that leads nowhere was called")
	}
	for _, bad := range []string{"nats:///x", "nats://h/", "nats://h/a.*", "nats://h/a..b", "nats://u:p@h/a"} {
		var parse *target.ParseError
		if _, err := target.Open(bad, target.Options{}); !errors.As(err, &parse) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
