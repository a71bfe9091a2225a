package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A logTarget appends each body as one line to a file. It keeps no file open, so
// the file may be renamed or deleted at any time.
type logTarget struct {
	path    string
	timeout time.Duration
}

// Deliver implements Target.
func (l *logTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return Response{}, &Error{Code: CodeUnavailable, Msg: err.Error()}
	}
	n, err := l.write(ctx, f, line(d.Body))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return Response{}, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return Response{}, &Error{Code: CodeTimeout, Msg: fmt.Sprintf("another program keeps %s locked", l.path)}
	case err != nil:
		return Response{}, &Error{Code: CodeUnavailable, Msg: err.Error()}
	}
	return Response{Status: written(n)}, nil
}

// write appends a line to the file, which is open.
func (l *logTarget) write(ctx context.Context, f *os.File, text []byte) (int, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().IsRegular() {
		// A line that another delivery is writing is not torn.
		ctx, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		if err := lockFile(ctx, f); err != nil {
			return 0, err
		}
		if l.isTorn() {
			text = append([]byte{'\n'}, text...)
		}
	}
	return f.Write(text)
}

// isTorn reports whether the file ends within a line, as a write leaves it that a
// full disk or a kill has cut. The next line must not become part of that one. A
// file that cannot be read is none of ours.
func (l *logTarget) isTorn() bool {
	info, err := os.Stat(l.path)
	if err != nil || info.Size() == 0 {
		return false
	}
	f, err := os.Open(l.path)
	if err != nil {
		return false
	}
	defer f.Close()
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// A stdoutLog writes each body as one line to a stream that may mix concurrent
// writes.
type stdoutLog struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func newStdoutLog(w io.Writer) *stdoutLog { return &stdoutLog{w: w} }

// Deliver implements Target.
func (l *stdoutLog) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	n, err := l.w.Write(line(d.Body))
	if err != nil {
		return Response{}, &Error{Code: CodeUnavailable, Msg: err.Error()}
	}
	return Response{Status: written(n)}, nil
}

// line returns a copy of the body as one line. Line breaks become spaces: in JSON
// they occur only between tokens.
func line(body []byte) []byte {
	out := append(append(make([]byte, 0, len(body)+1), body...), '\n')
	if bytes.IndexByte(body, '\n') < 0 && bytes.IndexByte(body, '\r') < 0 {
		return out
	}
	for i, c := range out[:len(body)] {
		if c == '\n' || c == '\r' {
			out[i] = ' '
		}
	}
	return out
}

func written(n int) string { return fmt.Sprintf("%d bytes written", n) }
