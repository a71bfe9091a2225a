package awsjson

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Options configure a server.
type Options struct {
	Services []Service
	// Keys are the secrets by access key. Without keys nothing is verified.
	Keys map[string]string
	// MaxBody bounds a request's body. The default is 16 MiB.
	MaxBody int64
	// MaxInFlight bounds the bodies in memory. The default is 256 MiB.
	MaxInFlight int64
	// Logger receives faults of this program. The default discards them.
	Logger *slog.Logger
}

type server struct {
	opts     Options
	services map[string]*Service
	budget   chan struct{} // one token for each budgetUnit of bodies in memory
}

const budgetUnit = 64 << 10

// New returns a handler for the services.
func New(o Options) http.Handler {
	if o.MaxBody == 0 {
		o.MaxBody = 16 << 20
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 256 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := &server{opts: o, services: map[string]*Service{}, budget: make(chan struct{}, o.MaxInFlight/budgetUnit)}
	for i := range o.Services {
		s.services[o.Services[i].Prefix] = &o.Services[i]
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	service := s.services[prefix]
	contentType := "application/x-amz-json-1.0"
	if service != nil {
		contentType = service.ContentType
	}
	out, err := s.serve(r, service, op)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-RequestId", requestID())
	status := http.StatusOK
	if err != nil {
		out, status = errorBody(err), err.status()
	}
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.WriteHeader(status)
	w.Write(out)
}

// serve checks a request and runs its operation.
func (s *server) serve(r *http.Request, service *Service, op string) (out []byte, failed *Error) {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return nil, &Error{Type: "com.amazon.coral.service#UnknownOperationException", Status: http.StatusNotFound}
	}
	if crossSite(r) {
		return nil, &Error{Type: "com.amazon.coral.service#AccessDeniedException", Status: http.StatusForbidden, Message: "cross-site requests are refused"}
	}
	if r.ContentLength > s.opts.MaxBody {
		return nil, s.tooLarge()
	}
	release, err := s.reserve(r.Context(), r.ContentLength)
	if err != nil {
		return nil, &Error{Type: "com.amazon.coral.service#ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: "too many requests in memory; try again"}
	}
	defer release()
	body, err := readBody(r, s.opts.MaxBody)
	if errors.Is(err, errTooLarge) {
		return nil, s.tooLarge()
	}
	if err != nil {
		return nil, Serialization("the body could not be read")
	}
	if s.opts.Keys != nil {
		if err := verify(r, body, s.opts.Keys, time.Now()); err != nil {
			return nil, err
		}
	}
	if service == nil || service.Ops[op] == nil {
		return nil, Unknown()
	}
	return s.run(r.Context(), service, op, body)
}

// run calls the operation. A panic in it costs only its own request.
func (s *server) run(ctx context.Context, service *Service, op string, body []byte) (out []byte, failed *Error) {
	defer func() {
		if p := recover(); p != nil {
			s.opts.Logger.Error("awsjson: panic", "operation", op, "panic", p, "stack", string(debug.Stack()))
			out, failed = nil, internal()
		}
	}()
	out, err := service.Ops[op](ctx, body)
	if err == nil {
		return out, nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return nil, e
	}
	if e := service.MapError(err); e != nil {
		return nil, e
	}
	if !errors.Is(err, context.Canceled) {
		s.opts.Logger.Error("awsjson: operation failed", "operation", op, "error", err)
	}
	return nil, internal()
}

func internal() *Error {
	return &Error{Type: "com.amazon.coral.service#InternalServerError", Status: http.StatusInternalServerError, Message: "The request processing has failed because of an unknown error."}
}

func (s *server) tooLarge() *Error {
	return &Error{
		Type: "com.amazon.coral.service#RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: "the body is larger than " + strconv.FormatInt(s.opts.MaxBody, 10) + " bytes",
	}
}

// reserve takes room for a body from the budget.
func (s *server) reserve(ctx context.Context, size int64) (release func(), err error) {
	if size < 0 {
		size = s.opts.MaxBody
	}
	units := int(size / budgetUnit)
	for taken := range units {
		select {
		case s.budget <- struct{}{}:
		case <-ctx.Done():
			s.free(taken)
			return nil, ctx.Err()
		}
	}
	return func() { s.free(units) }, nil
}

func (s *server) free(units int) {
	for range units {
		<-s.budget
	}
}

var errTooLarge = errors.New("awsjson: body too large")

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

// crossSite reports whether a browser sends the request for a page of another
// site.
func crossSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host
}

func errorBody(e *Error) []byte {
	b := []byte(`{"__type":`)
	b, _ = jsontext.AppendQuote(b, e.Type)
	if e.Message != "" {
		member := e.Member
		if member == "" {
			member = "message"
		}
		b = append(b, `,"`+member+`":`...)
		b, _ = jsontext.AppendQuote(b, e.Message)
	}
	b = append(b, e.Extra...)
	return append(b, '}')
}

// requestID returns 52 random upper-case letters and digits.
func requestID() string {
	var raw [33]byte
	rand.Read(raw[:])
	return base32.StdEncoding.EncodeToString(raw[:])[:52]
}

// AllowHosts wraps a handler so that it serves only requests for the named
// hosts, localhost and loopback addresses: a page of another site cannot reach
// it by pointing its own name at this machine.
func AllowHosts(next http.Handler, hosts []string) http.Handler {
	allowed := map[string]bool{}
	for _, h := range hosts {
		allowed[strings.ToLower(h)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		ip := net.ParseIP(host)
		if allowed[host] || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback() {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		w.Write(errorBody(coral("AccessDeniedException", "host %q is not served here; start with --allow-host to serve it", host)))
	})
}
