// Package server puts a node on one listener: the AWS APIs, told apart by
// X-Amz-Target or by their paths, /healthz and /readyz, /metrics for Prometheus, and the node's counts under
// /_api/v1/status. It decides what may listen where (P9): loopback needs no
// credentials; any other address needs SigV4 keys and TLS.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsapi/lambda"
	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/machine"
	"github.com/tablecast/tablecast/internal/telemetry"
)

// ErrExposed means that other machines could reach the address, and that keys or TLS
// are missing.
var ErrExposed = errors.New("server: an address beyond loopback needs keys and TLS")

// Options configure a server.
type Options struct {
	// Listen is the address, HOST:PORT; port 0 takes a free one.
	Listen string
	// Keys are the keys of the node's folder. If nil, any credentials are accepted.
	Keys awsjson.Keys
	// Cert and Key are the files of the TLS certificate. Empty: no TLS.
	Cert, Key string
	// ClientCA is the file of the CAs of which clients must have a certificate. Empty:
	// clients need none.
	ClientCA string
	// Hosts are host names that requests may be sent to, besides those of loopback.
	Hosts []string
	// Origins are those of web pages that may call the node, as config.PageOrigin returns
	// them, beside those that the node's file names.
	Origins []string
	// Backups is the folder below which clients may have backups written. The
	// default refuses them.
	Backups string
	// Memory is how many bytes the process is to take. A quarter of it is for requests and
	// their answers, an eighth for the bodies of invocations that run, and as many
	// connections may be open as fit into another quarter. The default is 512 MiB.
	Memory int64
	// Refusals count what is refused. By default Serve makes one, which does not count
	// connections.
	Refusals *Refusals
	// Tracer makes spans of what requests change. The default makes none.
	Tracer *telemetry.Tracer
	// Logger receives faults. The default discards them.
	Logger *slog.Logger
}

// Listen opens the address. Errors: ErrExposed, ErrTLS, or what the system says
// (syscall.EADDRINUSE if the address is taken).
func Listen(o Options) (net.Listener, error) {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("server: listen address: %w", err)
	}
	if !loopback(host) && (o.Keys == nil || !o.Keys.Closed() || o.Cert == "") {
		return nil, fmt.Errorf("%w: %s is reachable from other machines: create a key with tablecast keys create and give --tls-cert and --tls-key, or listen on 127.0.0.1", ErrExposed, o.Listen)
	}
	secure, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	ln = awsjson.Limit(ln, o.connections(machine.Files()), func() { o.Refusals.add(awsjson.Crowded) })
	if secure == nil {
		return ln, nil
	}
	return tls.NewListener(ln, secure), nil
}

const (
	defaultMemory = 512 << 20
	// connBytes is what one connection takes: its buffers, its headers and a small body.
	connBytes = 64 << 10
	// keptFiles are the descriptors that are left to the store, functions and
	// deliveries, if the process may have twice as many.
	keptFiles = 2048
)

// connections returns how many connections may be open in a process that may open so
// many files.
func (o *Options) connections(files int) int {
	most := int(cmp.Or(o.Memory, defaultMemory) / 4 / connBytes)
	return max(min(most, files-min(keptFiles, files/2)), 1)
}

// loopback reports whether only this machine reaches the host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Serve answers requests until ctx ends, then finishes those that are under
// way, for at most grace.
func Serve(ctx context.Context, node *tablecast.Node, ln net.Listener, o Options, grace time.Duration) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Refusals == nil {
		o.Refusals = NewRefusals()
	}
	figures, stop := newMetrics(node)
	figures.registry.MustRegister(o.Refusals.counts)
	defer stop()
	attempts := &recent{}
	defer node.Watch(tablecast.Observer{Attempted: attempts.add})()
	if o.Tracer != nil {
		defer node.Watch(o.Tracer.Observer())()
	}
	srv := awsjson.NewHTTPServer(handler(node, o, figures, attempts), o.Logger)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// Requests do not end with ctx: Shutdown lets those under way finish, and Close
	// cuts off those that still run after grace, such as a client that tails events.
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		srv.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler serves the APIs and the node's own pages.
func handler(node *tablecast.Node, o Options, figures *metrics, attempts *recent) http.Handler {
	account, region := node.Home()
	opts := awsjson.Options{
		Services: []awsjson.Service{
			dynamodb.Service(node.Tables(), region),
			streams.Service(node.Streams(), account, region),
			eventbridge.Service(node.Buses(), node.Connections()),
		},
		REST:         []awsjson.RESTService{lambda.Service(node.Functions(), node.EventSources())},
		Pages:        pages(node, o.Backups, figures, attempts, func() bool { return o.Keys != nil && o.Keys.Closed() }),
		Health:       "healthy: dynamodb." + region + ".amazonaws.com ",
		AllowedHosts: o.Hosts, AllowedOrigin: func(origin string) bool {
			f := node.Config()
			return slices.Contains(o.Origins, origin) || f != nil && slices.Contains(f.CORS, origin)
		}, Logger: o.Logger, Refused: o.Refusals.add,
		MaxInFlight: cmp.Or(o.Memory, defaultMemory) / 4, MaxDetached: cmp.Or(o.Memory, defaultMemory) / 8,
	}
	if o.Keys != nil {
		opts.Auth = &awsjson.Auth{Account: account, Region: region, Keys: o.Keys}
	}
	return traced(awsjson.NewServer(opts), o.Tracer)
}

// ready answers 200 while every hop makes progress, else 503 with the reason; a closed
// node keeps the reason from those who cannot sign, and has it in its status.
func ready(w http.ResponseWriter, node *tablecast.Node, closed bool) {
	if err := node.Ready(); err != nil {
		reason := err.Error()
		if closed {
			reason = "GET /_api/v1/status has it, for keys that are allowed tablecast:Read"
		}
		reply(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": reason})
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "ready"})
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"message":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
