package awsjson

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// largeAnswer is the size in bytes above which an answer is compressed for clients that
// accept it.
const largeAnswer = 4 << 10

// compressors compress answers. As many work at a time as there are processors, which
// bounds their memory; others wait for them.
type compressors struct {
	free       chan struct{}
	gzip, zlib sync.Pool
}

func newCompressors() *compressors {
	c := &compressors{free: make(chan struct{}, runtime.GOMAXPROCS(0))}
	// The fastest level is a valid one, so neither function fails.
	c.gzip.New = func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }
	c.zlib.New = func() any { w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed); return w }
	return c
}

// compress returns the body of an answer as the request wants it, and its coding, which
// is empty if the body is as it was.
func (c *compressors) compress(r *http.Request, body []byte) (out []byte, encoding string) {
	if len(body) <= largeAnswer {
		return body, ""
	}
	encoding = accepted(r.Header["Accept-Encoding"])
	var pool *sync.Pool
	switch encoding {
	case "gzip":
		pool = &c.gzip
	case "deflate":
		pool = &c.zlib
	default:
		return body, ""
	}
	c.free <- struct{}{}
	defer func() { <-c.free }()
	w := pool.Get().(interface {
		io.WriteCloser
		Reset(io.Writer)
	})
	defer pool.Put(w)
	to := bytes.NewBuffer(make([]byte, 0, len(body)/4))
	w.Reset(to)
	_, _ = w.Write(body) // a Buffer takes all
	_ = w.Close()
	return to.Bytes(), encoding
}

// accepted returns the coding that a client likes best, gzip or deflate, or none. As in
// DynamoDB the last header counts, the coding identity is passed over, of equals the
// first that is named comes first, and * stands for what is not named.
func accepted(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	weights, order := map[string]float64{}, []string{}
	for part := range strings.SplitSeq(headers[len(headers)-1], ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, named := weights[name]; !named {
			order = append(order, name)
		}
		weights[name] = max(weights[name], weight(params))
	}
	best, most := "", 0.0
	consider := func(name string, w float64) {
		if (name == "gzip" || name == "deflate") && w > most {
			best, most = name, w
		}
	}
	for _, name := range order {
		consider(name, weights[name])
	}
	for _, name := range []string{"gzip", "deflate"} {
		if _, named := weights[name]; !named {
			consider(name, weights["*"])
		}
	}
	return best
}

// weight returns the first q among the parameters of a coding, from 0 to 1; 1 if there
// is none, or no number.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
			return min(max(q, 0), 1)
		}
		return 1
	}
	return 1
}
