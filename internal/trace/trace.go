// Package trace carries the identity of a trace along with what is done for it:
// from the request that writes an item through the change record and the event
// to the calls of targets.
//
// It reads and writes the header traceparent of W3C Trace Context
// (w3.org/TR/trace-context, version 00) and AWS's X-Amzn-Trace-Id, and is
// independent of who collects traces.
package trace

import (
	"context"
	"encoding/hex"
	"strings"
)

// Names of the headers.
const (
	Header    = "Traceparent"
	AWSHeader = "X-Amzn-Trace-Id"
)

// Size is the bytes of the stored form.
const Size = 25

// A Context names a span of a trace. The zero value is none.
type Context struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool // the trace is collected
}

// Valid reports whether the context names a trace and a span.
func (c Context) Valid() bool { return c.Trace != [16]byte{} && c.Span != [8]byte{} }

// String returns the context as traceparent has it; none is empty.
func (c Context) String() string {
	if !c.Valid() {
		return ""
	}
	return "00-" + hex.EncodeToString(c.Trace[:]) + "-" + hex.EncodeToString(c.Span[:]) + "-0" + c.flag()
}

// AWS returns the context as X-Amzn-Trace-Id has it; none is empty.
func (c Context) AWS() string {
	if !c.Valid() {
		return ""
	}
	id := hex.EncodeToString(c.Trace[:])
	return "Root=1-" + id[:8] + "-" + id[8:] + ";Parent=" + hex.EncodeToString(c.Span[:]) + ";Sampled=" + c.flag()
}

func (c Context) flag() string {
	if c.Sampled {
		return "1"
	}
	return "0"
}

// Parse reads a value of either header. What names no trace or no span is none.
func Parse(s string) Context {
	if strings.HasPrefix(s, "Root=") || strings.Contains(s, ";Root=") {
		return parseAWS(s)
	}
	return parseW3C(s)
}

// parseW3C reads VERSION-TRACE-SPAN-FLAGS. Later versions may go on behind it.
func parseW3C(s string) (c Context) {
	const length = 55
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" ||
		len(s) > length && (s[:2] == "00" || s[length] != '-') {
		return Context{}
	}
	var version, flags [1]byte
	if !digits(version[:], s[:2]) || !digits(c.Trace[:], s[3:35]) || !digits(c.Span[:], s[36:52]) || !digits(flags[:], s[53:55]) || !c.Valid() {
		return Context{}
	}
	c.Sampled = flags[0]&1 != 0
	return c
}

// parseAWS reads Root=1-TIME-ID;Parent=SPAN;Sampled=1, whose parts may stand in
// any order among others.
func parseAWS(s string) (c Context) {
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Root":
			id, ok := strings.CutPrefix(value, "1-")
			if !ok || len(id) != 33 || id[8] != '-' || !digits(c.Trace[:], id[:8]+id[9:]) {
				return Context{}
			}
		case "Parent":
			if !digits(c.Span[:], value) {
				return Context{}
			}
		case "Sampled":
			c.Sampled = value == "1"
		}
	}
	if !c.Valid() {
		return Context{}
	}
	return c
}

// digits decodes lower-case hexadecimal digits that fill dst.
func digits(dst []byte, s string) bool {
	if len(s) != 2*len(dst) || strings.ToLower(s) != s {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

// AppendBinary appends the stored form, Size bytes: trace, span, and 1 if the
// trace is collected.
func (c Context) AppendBinary(dst []byte) []byte {
	dst = append(append(dst, c.Trace[:]...), c.Span[:]...)
	if c.Sampled {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// FromBinary reads the stored form.
func FromBinary(b [Size]byte) Context {
	return Context{Trace: [16]byte(b[:16]), Span: [8]byte(b[16:24]), Sampled: b[24] == 1}
}

type key struct{}

// With returns a context for work that belongs to the trace c.
func With(ctx context.Context, c Context) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the trace that work with ctx belongs to; the zero value if it belongs to
// none.
func From(ctx context.Context) Context {
	c, _ := ctx.Value(key{}).(Context)
	return c
}
