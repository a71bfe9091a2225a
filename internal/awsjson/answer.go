package awsjson

import (
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

const (
	json10  = "application/x-amz-json-1.0"
	noModel = "com.amazon.coral.service" // of answers for no service

	internalError   = "InternalServerError"
	internalMessage = "The request could not be completed; see the log of the node."
)

// writeAnswer writes a whole answer.
func writeAnswer(w http.ResponseWriter, contentType string, status int, body []byte) {
	h := w.Header()
	v := []string{contentType, strconv.Itoa(len(body)), strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10), requestID()}
	h["Content-Type"] = v[0:1:1]
	h["Content-Length"] = v[1:2:2]
	h["X-Amz-Crc32"] = v[2:3:3]
	h["X-Amzn-Requestid"] = v[3:4:4]
	w.WriteHeader(status)
	send(w, body)
}

// requestID returns 52 random upper-case letters and digits.
func requestID() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	var id [52]byte
	var bits uint64
	for i := range id {
		if i%12 == 0 {
			bits = rand.Uint64()
		}
		id[i] = digits[bits&31]
		bits >>= 5
	}
	return string(id[:])
}

// fail answers a request with an error. svc is nil if no service is known.
func (s *server) fail(w http.ResponseWriter, r *http.Request, svc *Service, err error) {
	var e *Error
	if !errors.As(err, &e) && svc != nil && svc.MapError != nil {
		e = svc.MapError(err)
	}
	if e == nil {
		if r.Context().Err() == nil {
			s.opts.Logger.Error("awsjson.Server unexpected error", "operation", r.Header.Get(targetHeader), "error", err)
		}
		e = &Error{Type: internalError, Status: http.StatusInternalServerError, Message: internalMessage}
	}
	s.write(w, r, svc, e)
}

// write writes the body of an error.
func (s *server) write(w http.ResponseWriter, r *http.Request, svc *Service, e *Error) {
	s.refused(e)
	model := noModel
	if svc != nil {
		model = svc.Model
	}
	body := map[string]any{}
	for name, v := range e.Fields {
		body[name] = v
	}
	body["__type"] = qualify(model, e.Type)
	if e.Message != "" {
		body[e.messageName()] = cut(e.text(model), maxMessage)
	}
	b, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		s.opts.Logger.Error("awsjson.Server error body", "type", e.Type, "error", err)
		b = []byte(`{"__type":"` + internalError + `"}`)
	}
	writeAnswer(w, answerType(r, svc), max(e.Status, http.StatusBadRequest), b)
}
