package awsjson

import (
	"net/http"
	"strings"
)

const targetHeader = "X-Amz-Target"

// route finds the operation that a request calls, and checks what its headers
// say of the body.
func (s *server) route(r *http.Request) (*route, error) {
	target := r.Header[targetHeader]
	if len(target) != 1 {
		return nil, errUnknownOperation("")
	}
	rt, ok := s.routes[target[0]]
	if !ok {
		return nil, errUnknownOperation("")
	}
	if jsonType(r) == "" {
		return nil, &Error{Type: unknownOperation, Status: http.StatusNotFound,
			Message: "Content-Type must be application/x-amz-json-1.0, application/x-amz-json-1.1 or application/json."}
	}
	return rt, nil
}

// service returns the service that a request is meant for, or nil.
func (s *server) service(r *http.Request) *Service {
	prefix, _, _ := strings.Cut(r.Header.Get(targetHeader), ".")
	return s.prefixes[prefix]
}

// jsonType returns the content type of a request, without parameters, if it is one of
// those of JSON, which a web page cannot send without asking first; else it is empty.
func jsonType(r *http.Request) string {
	values := r.Header["Content-Type"]
	if len(values) != 1 {
		return ""
	}
	name, _, _ := strings.Cut(values[0], ";")
	switch name = strings.TrimSpace(name); name {
	case json10, "application/x-amz-json-1.1", "application/json":
		return name
	default:
		return ""
	}
}

// answerType returns the content type of an answer: that of the request, or else that
// of the service, which may be nil.
func answerType(r *http.Request, svc *Service) string {
	switch name := jsonType(r); {
	case name != "":
		return name
	case svc != nil:
		return svc.ContentType
	default:
		return json10
	}
}
