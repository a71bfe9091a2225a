package awsjson

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// A buffer holds the body of one request, and what the request claims.
type buffer struct {
	b []byte
	claim
	encoding string // gzip or deflate, of a body that is still compressed
	afforded bool   // whether what decoding makes is claimed
	detached bool   // whether the body outlives the request
}

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, smallBody/4)} }}

// newBuffer returns the buffer of a request.
func (s *server) newBuffer(r *http.Request) *buffer {
	buf := buffers.Get().(*buffer)
	buf.claim = claim{budget: &s.budget, conn: connOf(r)}
	return buf
}

// release gives the bytes back. The body must not be used after it, unless it was
// detached.
func (buf *buffer) release() {
	buf.claim.release()
	if !buf.detached && cap(buf.b) <= smallBody {
		*buf = buffer{b: buf.b[:0]}
		buffers.Put(buf)
	}
}

// grow makes room for n bytes in all, and claims them if they are more than a small
// body has.
func (buf *buffer) grow(n int, known bool) bool {
	if n > smallBody && !buf.take(int64(n)-buf.n, known) {
		return false
	}
	buf.b = append(make([]byte, 0, n), buf.b...)
	return true
}

// closed reports whether requests must be signed.
func (s *server) closed() bool { return s.opts.Auth != nil && s.opts.Auth.Keys.Closed() }

// known reports whether whoever sends a request has been verified, or need not be.
func (s *server) known(r *http.Request) bool {
	c := connOf(r)
	return !s.closed() || c != nil && c.known.Load()
}

// read reads the body, of at most limit bytes, into buf, whose room grows as bytes
// arrive. A client that sends slower than minRate is refused.
func (s *server) read(w http.ResponseWriter, r *http.Request, buf *buffer, limit int64) error {
	if r.ContentLength > limit {
		return tooLarge(w, limit)
	}
	// One byte more than the body takes, so that its end is seen at once.
	most := int(limit) + 1
	if r.ContentLength >= 0 {
		most = int(r.ContentLength) + 1
	}
	c, start, known := http.NewResponseController(w), time.Now(), s.known(r)
	for {
		if len(buf.b) == cap(buf.b) && !buf.grow(min(2*cap(buf.b), max(most, cap(buf.b)+1)), known) {
			w.Header()["Connection"] = []string{"close"}
			return errBusy
		}
		_ = c.SetReadDeadline(pace(start, len(buf.b))) // fails only where there are no deadlines
		n, err := r.Body.Read(buf.b[len(buf.b):cap(buf.b)])
		buf.b = buf.b[:len(buf.b)+n]
		switch {
		case int64(len(buf.b)) > limit:
			return tooLarge(w, limit)
		case errors.Is(err, io.EOF):
			// A deadline that stays would end the request while its operation runs.
			_ = c.SetReadDeadline(time.Time{})
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.Header()["Connection"] = []string{"close"}
			return errSlow
		case err != nil:
			return errSerialization("The body ended early")
		}
	}
}

// afford inflates a body, checks what decoding it will take, and claims that the first
// time.
func (s *server) afford(buf *buffer) error {
	if buf.afforded {
		return nil
	}
	if err := s.inflate(buf); err != nil {
		return err
	}
	values, ok := weigh(buf.b)
	if !ok {
		return errSerialization("")
	}
	buf.afforded = true
	n := int64(values) * valueBytes
	if n <= smallBody {
		return nil
	}
	if n > s.budget.total-buf.n {
		return &Error{Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: "The request has about " + strconv.Itoa(values) + " values, which take more memory than this node has for requests; send fewer at a time, or give the node more with --memory."}
	}
	if !buf.take(n, true) {
		return errBusy
	}
	return nil
}

// tooLarge refuses a body, of which the rest will not be read.
func tooLarge(w http.ResponseWriter, limit int64) error {
	w.Header()["Connection"] = []string{"close"}
	return errTooLarge(limit)
}

func errTooLarge(limit int64) error {
	return &Error{Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: "Request size exceeded the limit of " + strconv.FormatInt(limit, 10) + " bytes"}
}

var (
	errBusy = &Error{Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable,
		Message: "Too many bytes of requests are in flight; try again."}
	errSlow = &Error{Type: "RequestTimeoutException", Status: http.StatusRequestTimeout,
		Message: "The body came slower than " + strconv.Itoa(minRate) + " bytes a second, or took longer than " + maxTransfer.String() + "; send it at once, or in smaller requests."}
)
