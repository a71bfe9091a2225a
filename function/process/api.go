package process

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// headerTimeout is how long a client of the Runtime API may take for the header of
// a request.
const headerTimeout = 30 * time.Second

// apiVersion starts each path of the Runtime API.
const apiVersion = "/2018-06-01/runtime"

// Headers and trailers of the Runtime API.
const (
	headerID        = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline  = "Lambda-Runtime-Deadline-Ms"
	headerARN       = "Lambda-Runtime-Invoked-Function-Arn"
	headerTrace     = "Lambda-Runtime-Trace-Id"
	headerClient    = "Lambda-Runtime-Client-Context"
	headerIdentity  = "Lambda-Runtime-Cognito-Identity"
	trailerErrType  = "Lambda-Runtime-Function-Error-Type"
	trailerErrBody  = "Lambda-Runtime-Function-Error-Body"
	typeJSON        = "application/json"
	invalidID       = "InvalidRequestID"
	invalidState    = "InvalidStateTransition"
	truncated       = "TruncatedHTTPRequest"
	requestTooLarge = "RequestEntityTooLarge"
	accessDenied    = "AccessDenied"
)

// A server is the Runtime API of one process.
type server struct {
	w        *worker
	secret   string // stands before each path; empty for programs
	listener net.Listener
	http     *http.Server
	calls    sync.WaitGroup // connections, and Serve
}

// serve listens on a free port of the loopback interface.
func serve(w *worker) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{w: w, listener: listener}
	if w.f.engine.kind != kindProgram {
		s.secret = rand.Text()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiVersion+"/invocation/next", s.next)
	mux.HandleFunc("POST "+apiVersion+"/invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+apiVersion+"/invocation/{id}/error", s.failure)
	mux.HandleFunc("POST "+apiVersion+"/init/error", s.initError)
	s.http = &http.Server{Handler: s.guard(mux), ConnState: s.count, ConnContext: s.connected, ReadHeaderTimeout: headerTimeout}
	return s, nil
}

// addr is what the function's process finds in AWS_LAMBDA_RUNTIME_API.
func (s *server) addr() string {
	addr := s.listener.Addr().String()
	if s.secret != "" {
		addr += "/" + s.secret
	}
	return addr
}

// start serves until close.
func (s *server) start() {
	s.calls.Go(func() { _ = s.http.Serve(s.listener) })
}

// count keeps track of connections, so that close can wait for them.
func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.calls.Add(1)
	case http.StateClosed:
		s.calls.Done()
	}
}

// close ends all requests and waits for them.
func (s *server) close() {
	s.listener.Close()
	_ = s.http.Close()
	s.calls.Wait()
}

// next answers with the process's next event, whenever there is one. A process
// that asks again before it answered gets the same event.
func (s *server) next(rw http.ResponseWriter, r *http.Request) {
	inv, first := s.w.await(r.Context().Done())
	if inv == nil {
		refuse(rw, http.StatusForbidden, invalidState, "the process is to end")
		return
	}
	if first {
		s.w.logs.begin(inv.id)
	}
	h := rw.Header()
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	h.Set(headerID, inv.id)
	h.Set(headerDeadline, strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set(headerARN, s.w.f.spec.ARN())
	for name, value := range map[string]string{
		headerTrace: inv.opts.TraceID, headerClient: inv.opts.ClientContext, headerIdentity: inv.opts.CognitoIdentity,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	_, _ = rw.Write(inv.payload)
}

// response takes the function's answer. What Lambda streams is gathered here;
// a failure in the midst of it comes in trailers.
func (s *server) response(rw http.ResponseWriter, r *http.Request) {
	inv, body, ok := s.take(rw, r)
	if !ok {
		return
	}
	var result Result
	switch {
	case len(body) > MaxPayloadBytes:
		result = s.w.result(inv, typeTooLarge, nil)
		result.Payload, _ = json.Marshal(&description{typeTooLarge,
			"Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(MaxPayloadBytes) + " bytes)."})
		result.FunctionError = Unhandled
		refuse(rw, http.StatusRequestEntityTooLarge, requestTooLarge,
			"Exceeded maximum allowed payload size ("+strconv.Itoa(MaxPayloadBytes)+" bytes).")
	case r.Trailer.Get(trailerErrType) != "":
		result = s.w.result(inv, "", nil)
		result.Payload, result.FunctionError = streamError(r.Trailer), Unhandled
		accept(rw)
	default:
		result = s.w.result(inv, "", nil)
		result.Payload = body
		accept(rw)
	}
	inv.succeed(result)
}

func streamError(trailer http.Header) []byte {
	if body, err := base64.StdEncoding.DecodeString(trailer.Get(trailerErrBody)); err == nil && len(body) > 0 {
		return body
	}
	out, _ := json.Marshal(&description{trailer.Get(trailerErrType), "the function failed while it answered"})
	return out
}

// failure takes the function's own description of its failure.
func (s *server) failure(rw http.ResponseWriter, r *http.Request) {
	inv, body, ok := s.take(rw, r)
	if !ok {
		return
	}
	result := s.w.result(inv, "", nil)
	result.Payload, result.FunctionError = body[:min(len(body), MaxPayloadBytes)], Unhandled
	accept(rw)
	inv.succeed(result)
}

// take reads the answer to the invocation of the path, and takes that from the
// process. At most one byte over MaxPayloadBytes is kept.
func (s *server) take(rw http.ResponseWriter, r *http.Request) (*invocation, []byte, bool) {
	inv := s.w.current()
	if inv == nil {
		refuse(rw, http.StatusForbidden, invalidState, "no invocation is running")
		return nil, nil, false
	}
	if inv.id != r.PathValue("id") {
		refuse(rw, http.StatusBadRequest, invalidID, "the running invocation is "+inv.id)
		return nil, nil, false
	}
	body, err := readBody(r.Body)
	if err != nil {
		refuse(rw, http.StatusBadRequest, truncated, err.Error())
		return nil, nil, false
	}
	if !s.w.finish(inv) {
		refuse(rw, http.StatusForbidden, invalidState, "the invocation has ended")
		return nil, nil, false
	}
	return inv, body, true
}

// readBody reads to the end, so that trailers are known and a client that only
// writes can finish.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxPayloadBytes+1))
	_, skipped := io.Copy(io.Discard, r)
	return body, errors.Join(err, skipped)
}

// initError takes the process's description of why it cannot start, and ends
// the process.
func (s *server) initError(rw http.ResponseWriter, r *http.Request) {
	body, err := readBody(r.Body)
	if err != nil {
		refuse(rw, http.StatusBadRequest, truncated, err.Error())
		return
	}
	if !s.w.reported(body[:min(len(body), MaxPayloadBytes)]) {
		refuse(rw, http.StatusForbidden, invalidState, "the process has asked for events")
		return
	}
	accept(rw)
}

func accept(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", typeJSON)
	rw.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(rw, `{"status":"OK"}`+"\n")
}

func refuse(rw http.ResponseWriter, status int, kind, text string) {
	body, _ := json.Marshal(&description{kind, text})
	rw.Header().Set("Content-Type", typeJSON)
	rw.WriteHeader(status)
	_, _ = rw.Write(body)
}
