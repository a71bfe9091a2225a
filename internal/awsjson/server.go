package awsjson

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// An Op is one operation. Errors of its functions that are no *Error go through the
// service's MapError. The body is valid only until they return.
type Op struct {
	// Run decodes the body, does the work and returns the body of the answer, which
	// it must not change afterwards.
	Run func(ctx context.Context, body []byte) ([]byte, error)
	// Needs reads from the body what a key needs for the request. It must read names
	// as Run does: what Run works on is what Needs names.
	Needs func(body []byte) ([]Permission, error)
}

// A Service is a table of operations.
type Service struct {
	// TargetPrefix stands before the dot of X-Amz-Target: "DynamoDB_20120810".
	TargetPrefix string
	// ContentType is the type of answers to requests whose own type is none of JSON:
	// application/x-amz-json-1.0 or -1.1. Other answers have the type of their request.
	ContentType string
	// SigningName is the service in the scope of signatures: "dynamodb".
	SigningName string
	// Model is the namespace of the service's own exceptions in "__type". With
	// a Model, those of the framework get the framework's namespaces; without,
	// no name has a namespace.
	Model string
	// Ops are the operations by name.
	Ops map[string]Op
	// MapError turns an error of an operation into its answer; nil means that
	// the error is unexpected: it is logged and answered with
	// InternalServerError. A nil MapError knows no error.
	MapError func(error) *Error
}

// Options configure a server. Services are required.
type Options struct {
	Services []Service
	// REST are the services whose operations are told apart by method and path.
	REST []RESTService
	// Auth verifies signatures, while its keys are closed. Otherwise, or if it is nil,
	// any credentials and none are accepted: only for addresses that nobody else
	// reaches.
	Auth *Auth
	// Pages are what is served beside the services.
	Pages []Page
	// MaxBody is the largest body in bytes. The default is 16 MiB.
	MaxBody int64
	// MaxInFlight bounds the memory of requests in bytes: their bodies, what decoding
	// makes of them, and their answers until they are written. The default is 128 MiB,
	// and never less than the largest body.
	MaxInFlight int64
	// MaxDetached bounds the bytes of the bodies of invocations that run. The default is
	// MaxInFlight.
	MaxDetached int64
	// Refused, unless it is nil, is told the kind of each request that is refused. It
	// is called by many goroutines at once.
	Refused func(kind string)
	// AllowedHosts are host names, without port, that requests may be sent to,
	// beside the names of loopback and the address they arrive at.
	AllowedHosts []string
	// AllowedOrigin, unless it is nil, reports whether web pages of an origin, as the
	// header Origin has it, may send requests, beside those of the server's own. It is
	// called by many goroutines at once.
	AllowedOrigin func(origin string) bool
	// Health is the answer to a GET of / by anything but a browser. The default has none.
	Health string
	// Logger receives panics and unexpected errors. The default discards them.
	Logger *slog.Logger
}

type server struct {
	opts     Options
	routes   map[string]*route   // by X-Amz-Target
	prefixes map[string]*Service // by TargetPrefix
	pages    *http.ServeMux
	hosts    map[string]bool
	budget   budget // of requests
	detached budget // of invocations that run

	compressors *compressors
}

// A route is one operation of a service.
type route struct {
	service *Service
	op      Op
}

// NewServer returns the handler of the services' requests. It panics if an operation
// or a page does not say what it needs: nobody could be kept from it.
func NewServer(o Options) http.Handler {
	if o.MaxBody == 0 {
		o.MaxBody = 16 << 20
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 128 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{opts: o, routes: map[string]*route{}, prefixes: map[string]*Service{}, hosts: hostSet(o.AllowedHosts), compressors: newCompressors()}
	largest := o.MaxBody
	for _, svc := range o.REST {
		largest = max(largest, svc.MaxBody)
	}
	s.budget = newBudget(max(o.MaxInFlight, largest), o.MaxBody)
	s.detached = newBudget(max(cmp.Or(o.MaxDetached, o.MaxInFlight), largest), largest)
	for i := range o.Services {
		svc := &o.Services[i]
		s.prefixes[svc.TargetPrefix] = svc
		for name, op := range svc.Ops {
			mustNeed(op.Needs != nil, name)
			s.routes[svc.TargetPrefix+"."+name] = &route{svc, op}
		}
	}
	for _, svc := range o.REST {
		for _, rt := range svc.Routes {
			mustNeed(rt.Needs != nil, rt.Method+" "+rt.Path)
		}
	}
	s.pages = s.mux(o.Pages)
	return s
}

func mustNeed(ok bool, what string) {
	if !ok {
		panic("awsjson: " + what + " does not say which permission it needs")
	}
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	if err := s.guard(w, r); err != nil {
		s.fail(w, r, nil, err)
		return
	}
	if isPreflight(r) {
		preflight(w, r)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		if svc := s.restService(r); svc != nil {
			s.serveREST(w, r, svc)
			return
		}
		s.pages.ServeHTTP(w, r)
		return
	}
	rt, err := s.route(r)
	if err != nil {
		s.fail(w, r, s.service(r), err)
		return
	}
	buf := s.newBuffer(r)
	defer buf.release()
	if err := s.run(w, r, rt, buf); err != nil {
		s.fail(w, r, rt.service, err)
	}
}

// run takes a request through the stages after its route.
func (s *server) run(w http.ResponseWriter, r *http.Request, rt *route, buf *buffer) (err error) {
	if buf.encoding, err = encodingOf(r); err != nil {
		return err
	}
	if err := s.read(w, r, buf, s.opts.MaxBody); err != nil {
		return err
	}
	needs := func() ([]Permission, error) {
		if err := s.afford(buf); err != nil {
			return nil, err
		}
		return rt.op.Needs(buf.b)
	}
	if _, err := s.admit(r, buf, entry{service: rt.service.SigningName, needs: needs}); err != nil {
		return err
	}
	if err := s.afford(buf); err != nil {
		return err
	}
	out, err := rt.op.Run(context.WithValue(r.Context(), claimKey{}, &buf.claim), buf.b)
	if err != nil {
		return err
	}
	size := len(out)
	out, encoding := s.compressors.compress(r, out)
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
		size += len(out) // both are held until the answer is written
	}
	buf.hold(size)
	writeAnswer(w, answerType(r, rt.service), http.StatusOK, out)
	return nil
}

// recover logs the panic of an operation and answers for it. The abort that
// net/http defines goes on.
func (s *server) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.opts.Logger.Error("awsjson.Server panic", "operation", r.Header.Get(targetHeader), "panic", p, "stack", string(debug.Stack()))
	s.write(w, r, s.service(r), &Error{Type: internalError, Status: http.StatusInternalServerError, Message: internalMessage})
}
