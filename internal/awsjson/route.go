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
	if !isJSON(r.Header["Content-Type"]) {
		return nil, &Error{Type: unknownOperation, Status: http.StatusNotFound,
			Message: "Content-Type must be application/x-amz-json-1.0, application/x-amz-json-1.1 or application/json."}
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, errSerialization("Content-Encoding " + enc + " is not supported")
	}
	return rt, nil
}

// service returns the service that a request is meant for, or nil.
func (s *server) service(r *http.Request) *Service {
	prefix, _, _ := strings.Cut(r.Header.Get(targetHeader), ".")
	return s.prefixes[prefix]
}

// isJSON reports whether a content type is one that a web page cannot send
// without asking first. Parameters after a semicolon do not matter.
func isJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	name, _, _ := strings.Cut(values[0], ";")
	switch strings.TrimSpace(name) {
	case "application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/json":
		return true
	default:
		return false
	}
}
