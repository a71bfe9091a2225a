package awsjson

import (
	"net/http"
	"time"
)

const (
	// grace is how long a client may do nothing while its body is read or its
	// answer is written.
	grace = 5 * time.Second
	// minRate is how many bytes a second a client takes or sends after grace.
	minRate = 32 << 10
	// maxTransfer is how long a body or an answer may take in all.
	maxTransfer = 60 * time.Second
	// pageGrace is how long the client of a page may take nothing of what it writes.
	pageGrace = 30 * time.Second
	// chunk is how much of an answer is written before its client must have taken
	// some of it.
	chunk = 64 << 10
)

// pace returns until when a client that began at start and moved n bytes must have
// moved more.
func pace(start time.Time, n int) time.Time {
	return start.Add(min(grace+time.Duration(n)*time.Second/minRate, maxTransfer))
}

// send writes the body of an answer. A client that takes it slower than minRate is
// cut off.
func send(w http.ResponseWriter, body []byte) {
	c, start := http.NewResponseController(w), time.Now()
	for sent := 0; ; {
		_ = c.SetWriteDeadline(pace(start, sent)) // fails only where there are no deadlines
		n, err := w.Write(body[sent:min(sent+chunk, len(body))])
		if sent += n; err != nil || sent == len(body) {
			return
		}
	}
}

// A paced gives the client of a page pageGrace to take each part that the page writes.
type paced struct{ http.ResponseWriter }

// Write implements http.ResponseWriter.
func (p *paced) Write(b []byte) (int, error) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(pageGrace)) // fails only where there are no deadlines
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.NewResponseController reach the connection.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }
