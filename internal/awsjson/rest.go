package awsjson

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// A RESTService is a table of operations that method and path name, as in AWS's
// REST-JSON protocol.
type RESTService struct {
	// SigningName is the service in the scope of signatures: "lambda".
	SigningName string
	// Owns reports whether a path is the service's, offered or not.
	Owns func(path string) bool
	// Routes are the operations.
	Routes []Route
	// MaxBody is the largest body in bytes. The default is that of Options.
	MaxBody int64
	// MapError is as in Service.
	MapError func(error) *Error
}

// A Route is one operation. Segments of Path in braces stand for any one
// segment: "/2015-03-31/functions/{FunctionName}". A slash at the end of a
// request's path does not matter.
type Route struct {
	Method, Path string
	Run          RESTOp
	// Needs is as in Op; it reads the path, the query and the body.
	Needs func(r *Request) ([]Permission, error)
}

// A RESTOp does the work of one operation. The request is valid only until it
// returns. Errors are as those of Op.
type RESTOp func(ctx context.Context, r *Request) (*Answer, error)

// A Request is a request for a RESTOp.
type Request struct {
	// ID is the request's, a UUID; the answer has it in x-amzn-RequestId.
	ID     string
	Header http.Header
	Query  url.Values
	Body   []byte

	params map[string]string
	w      http.ResponseWriter
	s      *server
	buf    *buffer
}

// Param returns a segment of the path that the Route has in braces.
func (r *Request) Param(name string) string { return r.params[name] }

// Decode is the function Decode for the body, and counts what it makes. Errors: those of
// that, RequestEntityTooLargeException, ServiceUnavailableException.
func (r *Request) Decode(v any) error {
	if err := r.s.afford(r.buf); err != nil {
		return err
	}
	return Decode(r.Body, v)
}

// Detach gives the body to the operation for as long as it likes, and its room back to
// other requests: until the operation returns it counts among those of MaxDetached.
// Errors: TooManyRequestsException.
func (r *Request) Detach() error {
	lent := claim{budget: &r.s.detached, conn: r.buf.conn}
	if !lent.take(int64(cap(r.Body)), true) {
		return errRunning
	}
	r.buf.claim.release()
	r.buf.claim, r.buf.detached = lent, true
	return nil
}

var errRunning = &Error{Type: "TooManyRequestsException", Status: http.StatusTooManyRequests, Message: "Rate Exceeded.",
	Fields: map[string]any{"Reason": "ConcurrentInvocationLimitExceeded"}}

// An Answer is the response of a RESTOp. A nil Body is an empty one.
type Answer struct {
	Status int // the default is 200
	Header map[string]string
	Body   []byte
}

// restService returns the service that the path belongs to, or nil.
func (s *server) restService(r *http.Request) *RESTService {
	for i := range s.opts.REST {
		if svc := &s.opts.REST[i]; svc.Owns(r.URL.Path) {
			return svc
		}
	}
	return nil
}

// serveREST takes a request through the stages that follow the guard.
func (s *server) serveREST(w http.ResponseWriter, r *http.Request, svc *RESTService) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	buf := s.newBuffer(r)
	defer buf.release()
	answer, err := s.runREST(w, r, svc, &Request{ID: id, Header: r.Header, w: w, s: s, buf: buf}, buf)
	if err != nil {
		answer = s.restError(r, svc, err)
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	status := answer.Status
	if status == 0 {
		status = http.StatusOK
	}
	if status != http.StatusNoContent {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	}
	buf.hold(len(answer.Body))
	w.WriteHeader(status)
	send(w, answer.Body)
}

func (s *server) runREST(w http.ResponseWriter, r *http.Request, svc *RESTService, req *Request, buf *buffer) (*Answer, error) {
	rt, params := svc.route(r)
	if rt == nil {
		return nil, &Error{Type: unknownOperation, Status: http.StatusNotFound, Message: r.Method + " " + r.URL.EscapedPath() + " is not offered here."}
	}
	limit := svc.MaxBody
	if limit == 0 {
		limit = s.opts.MaxBody
	}
	if err := s.read(w, r, buf, limit); err != nil {
		return nil, err
	}
	req.params, req.Query, req.Body = params, r.URL.Query(), buf.b
	needs := func() ([]Permission, error) { return rt.Needs(req) }
	if _, err := s.admit(r, buf, entry{service: svc.SigningName, rest: true, needs: needs}); err != nil {
		return nil, forbidden(err)
	}
	return rt.Run(r.Context(), req)
}

// forbidden gives a refused signature, or a missing permission, the status of REST.
func forbidden(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Type {
	case accessDenied, errMissing.Type, errIncomplete("").Type, errMismatch.Type, errUnrecognized.Type, errExpired.Type:
	default:
		return err
	}
	out := *e
	out.Status = http.StatusForbidden
	return &out
}

// route returns the operation of a request and what its path has for the
// braces; nil if there is none.
func (svc *RESTService) route(r *http.Request) (*Route, map[string]string) {
	got := segments(r.URL.EscapedPath())
	for i := range svc.Routes {
		rt := &svc.Routes[i]
		if rt.Method != r.Method {
			continue
		}
		if params, ok := match(segments(rt.Path), got); ok {
			return rt, params
		}
	}
	return nil, nil
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// match compares a route's segments with those of a path, which are escaped.
func match(want, got []string) (map[string]string, bool) {
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		text, err := url.PathUnescape(got[i])
		if err != nil || text == "" {
			return nil, false
		}
		params[strings.Trim(w, "{}")] = text
	}
	return params, true
}

// restError returns the answer that an error means.
func (s *server) restError(r *http.Request, svc *RESTService, err error) *Answer {
	var e *Error
	if !errors.As(err, &e) && svc.MapError != nil {
		e = svc.MapError(err)
	}
	if e == nil {
		if r.Context().Err() == nil {
			s.opts.Logger.Error("awsjson.Server unexpected error", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		e = &Error{Type: "ServiceException", Status: http.StatusInternalServerError, Message: internalMessage}
	}
	s.refused(e)
	status := max(e.Status, http.StatusBadRequest)
	message := cut(e.Message, maxMessage)
	body := map[string]any{"Type": "User", "message": message}
	if status >= http.StatusInternalServerError {
		body["Type"] = "Service"
	}
	switch e.Type {
	case "ResourceNotFoundException", "ServiceException", accessDenied:
		delete(body, "message")
		body["Message"] = message
	}
	for name, v := range e.Fields {
		body[name] = v
	}
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		text = []byte(`{"Type":"Service"}`)
	}
	return &Answer{Status: status, Header: map[string]string{"X-Amzn-Errortype": e.Type}, Body: text}
}
