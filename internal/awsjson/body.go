package awsjson

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	firstBuffer = 4 << 10 // capacity of a new buffer
	largestKept = 1 << 20 // larger buffers are not used again
	firstRead   = 1 << 20 // how much memory a Content-Length alone can claim
)

// A budget counts the bytes that may still be taken.
type budget struct{ free atomic.Int64 }

// take reports whether n bytes were free, and takes them.
func (b *budget) take(n int64) bool {
	// Takers that go below zero at one time may all be refused, though one alone
	// would fit; none keeps what it took.
	if b.free.Add(-n) < 0 {
		b.free.Add(n)
		return false
	}
	return true
}

// A buffer holds the body of one request. Its capacity is taken from a budget
// until release.
type buffer struct {
	b      []byte
	budget *budget
	taken  int64
}

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, firstBuffer)} }}

func newBuffer(b *budget) *buffer {
	buf := buffers.Get().(*buffer)
	buf.budget = b
	return buf
}

// release gives the bytes back. The body must not be used after it.
func (buf *buffer) release() {
	buf.budget.free.Add(buf.taken)
	buf.budget, buf.taken = nil, 0
	if cap(buf.b) <= largestKept {
		buf.b = buf.b[:0]
		buffers.Put(buf)
	}
}

// claim takes the buffer's capacity, and more if it is below n, from the
// budget.
func (buf *buffer) claim(n int) bool {
	want := int64(max(cap(buf.b), n))
	if !buf.budget.take(want - buf.taken) {
		return false
	}
	buf.taken = want
	if cap(buf.b) < n {
		buf.b = append(make([]byte, 0, n), buf.b...)
	}
	return true
}

// read reads the body, of at most limit bytes, into buf.
func (s *server) read(w http.ResponseWriter, r *http.Request, buf *buffer, limit int64) error {
	if r.ContentLength > limit {
		return tooLarge(w, limit)
	}
	// One byte more than the body takes, so that its end is seen at once.
	if !buf.claim(int(min(max(r.ContentLength, 0)+1, firstRead))) {
		return errBusy
	}
	for {
		if len(buf.b) == cap(buf.b) && !buf.claim(int(min(2*int64(cap(buf.b)), limit+1))) {
			return errBusy
		}
		n, err := r.Body.Read(buf.b[len(buf.b):cap(buf.b)])
		buf.b = buf.b[:len(buf.b)+n]
		switch {
		case int64(len(buf.b)) > limit:
			return tooLarge(w, limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errSerialization("The body ended early")
		}
	}
}

// tooLarge refuses a body, of which the rest will not be read.
func tooLarge(w http.ResponseWriter, limit int64) error {
	w.Header()["Connection"] = []string{"close"}
	return &Error{Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: "Request size exceeded the limit of " + strconv.FormatInt(limit, 10) + " bytes"}
}

var errBusy = &Error{Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable,
	Message: "Too many bytes of requests are in flight; try again."}
