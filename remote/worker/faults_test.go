package worker_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A rough road lies between a client and a node: of some calls neither request
// nor answer arrives, of some the answer is lost, some are throttled, and of
// PutEvents entries fail.
type rough struct {
	to     *served
	client *http.Client

	mu  sync.Mutex
	rnd *rand.Rand // guarded by mu
	bad int        // calls of 100 that go wrong; guarded by mu
}

// roughen puts a rough road before a node until the test ends.
func roughen(t testing.TB, to *served, seed uint64, bad int) (*served, *rough) {
	r := &rough{to: to, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, rnd: rand.New(rand.NewPCG(seed, 1)), bad: bad}
	srv := httptest.NewServer(r)
	s := &served{to.Node, srv.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		srv.Close()
		r.client.CloseIdleConnections()
	})
	return s, r
}

// smooth ends the faults.
func (r *rough) smooth() {
	r.mu.Lock()
	r.bad = 0
	r.mu.Unlock()
}

// roll returns which fault a call has, 0 for none.
func (r *rough) roll() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bad == 0 || r.rnd.IntN(100) >= r.bad {
		return 0
	}
	return 1 + r.rnd.IntN(4)
}

func (r *rough) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fault := r.roll()
	if fault == 1 {
		panic(http.ErrAbortHandler)
	}
	if fault == 2 {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ThrottlingException","message":"planned"}`)
		return
	}
	out, err := http.NewRequestWithContext(in.Context(), in.Method, r.to.url+in.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	out.Header = in.Header.Clone()
	resp, err := r.client.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || fault == 3 {
		panic(http.ErrAbortHandler)
	}
	for name := range resp.Header {
		if name != "Content-Length" && name != "X-Amz-Crc32" {
			w.Header().Set(name, resp.Header.Get(name))
		}
	}
	w.WriteHeader(resp.StatusCode)
	w.Write(answer)
}
