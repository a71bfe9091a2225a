package awsjson

import (
	"net/http"
	"net/url"
	"strings"
)

// preflightAge is for how many seconds browsers may remember what a preflight allowed.
const preflightAge = "172800"

// allowOrigin reports whether a page of another origin that is allowed sent the request,
// and then lets its browser show it the answer. It adds nothing to other answers.
func (s *server) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) != 1 || s.opts.AllowedOrigin == nil || !s.opts.AllowedOrigin(origins[0]) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origins[0])
	h.Set("Access-Control-Expose-Headers", "*")
	h.Set("Vary", "Origin")
	return true
}

// preflight answers the question of a browser whether a page may send a request that
// forms cannot send. Any method and any headers may be sent by who may send at all.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", r.Header.Get("Access-Control-Request-Method"))
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	h.Set("Access-Control-Max-Age", preflightAge)
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// isPreflight reports whether a request asks what a page of another origin may send.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
}

// errCrossSite refuses a request that a page of another origin sent, and says how the
// origin is allowed.
func errCrossSite(r *http.Request) error {
	origin := "ORIGIN"
	if u, err := url.Parse(r.Header.Get("Origin")); err == nil && u.Scheme != "" && u.Host != "" {
		origin = strings.ToLower(u.Scheme + "://" + u.Host)
	}
	return &Error{Type: accessDenied, Status: http.StatusForbidden,
		Message: "Requests from web pages of other origins are refused. To allow those of an origin, start the node with --cors " + origin + ", or write it under cors in tablecast.yaml."}
}
