package awsjson

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
)

// inflaterBytes is about how much memory an inflater takes beside what it makes.
const inflaterBytes = 48 << 10

// encodingOf returns the coding of a request's body: gzip, deflate, or empty. Errors:
// SerializationException for any other.
func encodingOf(r *http.Request) (string, error) {
	values := r.Header["Content-Encoding"]
	if len(values) == 0 {
		return "", nil
	}
	switch name := strings.ToLower(strings.Join(values, ", ")); name {
	case "", "identity":
		return "", nil
	case "gzip", "deflate":
		return name, nil
	default:
		return "", errSerialization("Content-Encoding " + name + " is not supported")
	}
}

// inflate replaces a compressed body by what it holds, of at most MaxBody bytes. Room
// is claimed before it is filled, so that a small body which holds more than the node
// has room for is refused on the way. The caller has verified the signature, which is
// over the body as it came.
func (s *server) inflate(buf *buffer) error {
	if buf.encoding == "" {
		return nil
	}
	malformed := errSerialization("The body is not valid " + buf.encoding)
	if !buf.take(inflaterBytes, true) {
		return errBusy
	}
	in := bytes.NewReader(buf.b)
	from, err := inflater(buf.encoding, in)
	if err != nil {
		return malformed
	}
	limit := int(s.opts.MaxBody)
	out := make([]byte, 0, min(smallBody, limit+1))
	for {
		if len(out) == cap(out) {
			room := min(2*cap(out), limit+1)
			if !buf.take(int64(room-cap(out)), true) {
				return errBusy
			}
			out = append(make([]byte, 0, room), out...)
		}
		n, err := from.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return errTooLarge(int64(limit))
		case errors.Is(err, io.EOF) && in.Len() == 0:
			buf.b, buf.encoding = out, ""
			return nil
		case err != nil:
			return malformed
		}
	}
}

// inflater returns a reader of what a compressed text holds. The coding deflate is the
// format of zlib, as RFC 9110 has it.
func inflater(encoding string, in *bytes.Reader) (io.Reader, error) {
	if encoding == "gzip" {
		return gzip.NewReader(in)
	}
	return zlib.NewReader(in)
}
