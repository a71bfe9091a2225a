package target

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tablecast/tablecast/internal/trace"
)

// A natsTarget publishes the body to a subject of a JetStream stream, and waits for
// the stream's acknowledgement. The event's id is the message id by which the
// stream discards duplicates.
type natsTarget struct {
	url, subject string
	timeout      time.Duration
	dialer       *net.Dialer
	creds        string

	mu   sync.Mutex
	conn *nats.Conn // nil while there is none
}

// openNATS opens nats://HOST:PORT/SUBJECT, or tls:// in the same form.
func openNATS(arn string, o Options) (Target, error) {
	const form = "nats://HOST:4222/SUBJECT"
	u, err := url.Parse(arn)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, &ParseError{arn, "not a URL with a host", form}
	case u.User != nil:
		return nil, &ParseError{arn, "a URL must not contain a password", "the URL without it, and start the node with --nats-creds"}
	}
	subject := strings.TrimPrefix(u.Path, "/")
	if subject == "" || strings.ContainsAny(subject, "*> \t/") || strings.HasPrefix(subject, ".") || strings.HasSuffix(subject, ".") || strings.Contains(subject, "..") {
		return nil, &ParseError{arn, "not a subject that can be published to", form}
	}
	if err := CheckURL(arn, o); err != nil {
		return nil, err
	}
	g := guard{publicOnly: o.PublicOnly, allow: o.Allow}
	return &natsTarget{url: u.Scheme + "://" + u.Host, subject: subject, timeout: o.Timeout, creds: o.NATSCredentials, dialer: &net.Dialer{Timeout: o.Timeout, Control: g.control}}, nil
}

// CloseIdleConnections closes the connection; the next call makes another.
func (n *natsTarget) CloseIdleConnections() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil {
		n.conn.Close()
		n.conn = nil
	}
}

// connect returns the connection, or a new one if that was lost. mu is held while
// it connects: calls that run at the same time share one connection.
func (n *natsTarget) connect() (*nats.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil && !n.conn.IsClosed() {
		return n.conn, nil
	}
	options := []nats.Option{nats.Name("tablecast"), nats.Timeout(n.timeout), nats.NoReconnect(), nats.SetCustomDialer(n.dialer)}
	if n.creds != "" {
		options = append(options, nats.UserCredentials(n.creds))
	}
	conn, err := nats.Connect(n.url, options...)
	n.conn = conn
	return conn, err
}

// Deliver implements Target.
func (n *natsTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	conn, err := n.connect()
	if err != nil {
		return Response{}, natsError(ctx, err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return Response{}, natsError(ctx, err)
	}
	msg := nats.NewMsg(n.subject)
	msg.Data = d.Body
	msg.Header.Set("Content-Type", "application/json")
	msg.Header.Set("Tablecast-Rule", d.Rule)
	if c := trace.Parse(d.Event.Trace); c.Valid() {
		msg.Header.Set(trace.Header, c.String())
	}
	ack, err := js.PublishMsg(ctx, msg, jetstream.WithMsgID(d.Event.ID), jetstream.WithRetryAttempts(0))
	if err != nil {
		return Response{}, natsError(ctx, err)
	}
	if ack.Duplicate {
		return Response{Status: "stream " + ack.Stream + " has it"}, nil
	}
	return Response{Status: "stream " + ack.Stream}, nil
}

// natsError returns what a failed call means as an *Error, or the context's error
// if that was cancelled.
func natsError(ctx context.Context, err error) error {
	var api *jetstream.APIError
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return context.Canceled
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return &Error{Code: CodeNoResource, Msg: "no stream of JetStream keeps the subject"}
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrPermissionViolation):
		return &Error{Code: CodeNoPermissions, Msg: err.Error(), Permanent: true}
	case errors.Is(err, nats.ErrMaxPayload), errors.As(err, &api) && api.Code == 400:
		return &Error{Code: CodeClientError, Msg: err.Error(), Permanent: true}
	}
	return transportError(err)
}
