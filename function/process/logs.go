package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxLineBytes is where a line is cut in pieces, as in CloudWatch.
const maxLineBytes = 256 << 10

// drainBytes is the most that drain reads: more than a pipe holds.
const drainBytes = 1 << 20

// A logs cuts a process's output into lines and says which invocation they
// belong to.
type logs struct {
	file *os.File // not blocking; nil if there is no process
	emit func(Line)
	now  func() time.Time
	max  int

	mu      sync.Mutex // held while emit runs, so that lines keep their order
	closed  bool
	id      string
	chunk   []byte
	line    []byte // not ended yet
	tail    []byte // at least the last logTailBytes of this invocation
	written int    // bytes of this invocation
	dropped int
}

func newLogs(file *os.File, o *Options) *logs {
	return &logs{file: file, emit: o.Log, now: o.Now, max: o.MaxLogBytes, chunk: make([]byte, 32<<10)}
}

// read reads until the output ends or the file is closed.
func (l *logs) read() {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		for {
			if n, err := l.pull(fd); n <= 0 {
				return !errors.Is(err, syscall.EAGAIN)
			}
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

// drain takes what the process has written so far, without waiting for more.
func (l *logs) drain() {
	if l.file == nil {
		return
	}
	raw, err := l.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for total := 0; total < drainBytes; {
			n, _ := l.pull(fd)
			if n <= 0 {
				return
			}
			total += n
		}
	})
}

// pull reads once and emits the whole lines. Reading and emitting are one step
// under the lock: after it, nothing read is on its way.
func (l *logs) pull(fd uintptr) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, os.ErrClosed
	}
	for {
		n, err := syscall.Read(int(fd), l.chunk)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n > 0 {
			l.addLocked(l.chunk[:n])
		}
		return n, err
	}
}

func (l *logs) addLocked(text []byte) {
	for len(text) > 0 {
		part, rest, ended := bytes.Cut(text, []byte{'\n'})
		if room := maxLineBytes - len(l.line); len(part) > room {
			part, rest, ended = text[:room], text[room:], true
		}
		l.line = append(l.line, part...)
		if ended {
			l.lineLocked(l.line, false)
			l.line = l.line[:0]
		}
		text = rest
	}
}

// lineLocked emits one line, unless the invocation has written too much.
func (l *logs) lineLocked(text []byte, platform bool) {
	text = bytes.TrimSuffix(text, []byte{'\r'})
	if !platform {
		if l.written += len(text) + 1; l.written > l.max {
			l.dropped += len(text) + 1
			return
		}
	}
	l.tail = append(append(l.tail, text...), '\n')
	if len(l.tail) > 4*logTailBytes {
		l.tail = append(l.tail[:0], l.tail[len(l.tail)-logTailBytes:]...)
	}
	l.emit(Line{Time: l.now(), RequestID: l.id, Platform: platform, Text: string(text)})
}

func (l *logs) flushLocked() {
	if len(l.line) > 0 {
		l.lineLocked(l.line, false)
		l.line = l.line[:0]
	}
}

// begin makes the lines from here on those of an invocation.
func (l *logs) begin(id string) {
	l.drain()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settleLocked()
	if l.id != "" { // the first one shows how the process started
		l.tail = l.tail[:0]
	}
	l.id, l.written = id, 0
	l.lineLocked([]byte("START RequestId: "+id+" Version: "+Version), true)
}

// finish adds Lambda's lines about an end and returns the end of the log.
func (l *logs) finish(lines ...string) []byte {
	l.drain()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settleLocked()
	for _, line := range lines {
		l.lineLocked([]byte(line), true)
	}
	return bytes.Clone(l.tail[max(0, len(l.tail)-logTailBytes):])
}

// settleLocked ends an unfinished line and says what was dropped.
func (l *logs) settleLocked() {
	l.flushLocked()
	if l.dropped > 0 {
		text := fmt.Sprintf("%d bytes of log dropped: an invocation may write %d", l.dropped, l.max)
		l.dropped = 0
		l.lineLocked([]byte(text), true)
	}
}

// close ends the log; what is written from here on is not read.
func (l *logs) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.file.Close()
}
