package process

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process that overruns is killed, with what it started, and the next
// invocation gets a new one.
func TestTimeout(t *testing.T) {
	for name, text := range map[string]string{
		"spins": `exports.handler = async (e) => { if (e.bad) for (;;); return "ok" }`,
		"hangs": `exports.handler = async (e) => { if (e.bad) await new Promise(() => setTimeout(() => {}, 1e8)); return "ok" }`,
		"has children": `const { spawn } = require("child_process");
			exports.handler = async (e) => { if (e.bad) { spawn("sleep", ["1000"]); for (;;); } return "ok" }`,
	} {
		t.Run(name, func(t *testing.T) {
			s := node(t, "index.js", text)
			s.Timeout = 300 * time.Millisecond
			w := start(t, s, Options{})
			w.want(`{}`, `"ok"`)
			r := w.wantError(`{"bad":true}`, "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 0.30 seconds")
			if !strings.Contains(string(r.LogTail), "Z "+r.RequestID+" Task timed out after 0.30 seconds\n") {
				t.Errorf("log tail %s", r.LogTail)
			}
			if r.BilledMs < 300 || r.NotStarted {
				t.Errorf("billed %d ms, not started %v", r.BilledMs, r.NotStarted)
			}
			w.want(`{}`, `"ok"`)
		})
	}
}

// A process that answers but does not ask for more is not waited for longer
// than its timeout.
func TestSilentAfterAnswer(t *testing.T) {
	s := node(t, "index.js", `exports.handler = async (e) => { setTimeout(() => { for (;;); }, 0); return "ok" }`)
	s.Timeout, s.Concurrency = 300*time.Millisecond, 1
	w := start(t, s, Options{})
	w.want(`{}`, `"ok"`)
	w.want(`{}`, `"ok"`)
}

// Memory is that of the process and its children together.
func TestMemoryLimit(t *testing.T) {
	grow := "x = []\nwhile True: x.append(bytearray(1 << 22))\n"
	for name, text := range map[string]string{
		"process": "def handler(e, c):\n    exec(" + strconv.Quote(grow) + ")",
		"child": "import subprocess, sys\ndef handler(e, c):\n    subprocess.run([sys.executable, '-c', " +
			strconv.Quote(grow) + "])",
	} {
		t.Run(name, func(t *testing.T) {
			s := python(t, strings.Replace(text, "x.append", "__import__('time').sleep(0.001); x.append", 1))
			s.MemoryMB = 100
			w := start(t, s, Options{})
			r := w.wantError(`{}`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed")
			for _, part := range []string{"used more than its 100 MB of memory", "Error Type: Runtime.OutOfMemory"} {
				if !strings.Contains(string(r.LogTail), part) {
					t.Errorf("log tail lacks %q: %s", part, r.LogTail)
				}
			}
		})
	}
}

func TestPayloadLimits(t *testing.T) {
	s := node(t, "index.js", `exports.handler = async (e) => "x".repeat(e.size ?? e.length)`)
	s.MemoryMB = 1024
	w := start(t, s, Options{})
	const most = MaxPayloadBytes - 2 // without the quotes
	r := w.invoke(fmt.Sprintf(`{"size":%d}`, most))
	if r.FunctionError != "" || len(r.Payload) != MaxPayloadBytes {
		t.Errorf("the longest answer: %q, %d bytes", r.FunctionError, len(r.Payload))
	}
	for _, size := range []int{most + 1, 40 << 20} {
		r := w.wantError(fmt.Sprintf(`{"size":%d}`, size), "Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (6291556 bytes).")
		if r.NotStarted {
			t.Error("it did start")
		}
	}
	if r := w.invoke(`"` + strings.Repeat("y", most) + `"`); len(r.Payload) != MaxPayloadBytes {
		t.Errorf("the longest event: %q, %d bytes", r.FunctionError, len(r.Payload))
	}
	_, err := w.Invoke(t.Context(), []byte(`"`+strings.Repeat("y", most+1)+`"`), InvokeOptions{})
	if !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("an event too long: %v", err)
	}
	if n := w.Stats().Started; n != 1 {
		t.Errorf("%d processes started, want 1", n)
	}
}

// What is logged beyond the limit is counted, not kept.
func TestLogLimit(t *testing.T) {
	s := node(t, "index.js", `exports.handler = async (e) => { for (let i = 0; i < e.n; i++) console.log("line " + i) }`)
	w := start(t, s, Options{MaxLogBytes: 10_000})
	r := w.invoke(`{"n":100000}`)
	if len(r.LogTail) > logTailBytes {
		t.Errorf("%d bytes of tail", len(r.LogTail))
	}
	if !strings.Contains(string(r.LogTail), "bytes of log dropped: an invocation may write 10000\n") {
		t.Errorf("log tail %s", r.LogTail)
	}
	w.mu.Lock()
	total := 0
	for _, l := range w.lines {
		total += len(l.Text) + 1
	}
	w.mu.Unlock()
	if total > 11_000 {
		t.Errorf("%d bytes logged", total)
	}
	r = w.invoke(`{"n":1}`)
	if !strings.Contains(string(r.LogTail), "\nline 0\n") {
		t.Errorf("the next invocation logs nothing: %s", r.LogTail)
	}
}

// What a process wrote before it exited is logged, however much.
func TestLogBeforeExit(t *testing.T) {
	w := start(t, node(t, "index.js", `exports.handler = async () => {
		for (let i = 0; i < 300000; i++) console.log("line " + i);
		process.exit(1);
	}`), Options{})
	r := w.wantError(`{}`, "Runtime.ExitError", "exit status 1")
	if !strings.Contains(string(r.LogTail), "\nline 299999\nRequestId: "+r.RequestID+" Error: Runtime exited") {
		t.Errorf("log tail %s", r.LogTail)
	}
}

// Lines come whole, in order, with the id of their invocation, and before the
// answer.
func TestLogLines(t *testing.T) {
	w := start(t, python(t, "import sys\nprint('loading')\ndef handler(e, c):\n    for i in range(e): print(i)\n"+
		"    sys.stderr.write('to the other stream\\n')\n    print('x' * 600000)\n    sys.stdout.write('no end')"), Options{})
	for n := range 3 {
		r := w.invoke(strconv.Itoa(n))
		if !strings.Contains(string(r.LogTail), "x\nno end\nEND RequestId: "+r.RequestID+"\nREPORT RequestId: "+r.RequestID+"\tDuration: ") {
			t.Errorf("tail %s", r.LogTail)
		}
		w.mu.Lock()
		var got []string
		for _, l := range w.lines {
			text := fmt.Sprintf("%.20s/%d/%v", l.Text, len(l.Text), l.Platform)
			switch {
			case strings.HasPrefix(text, "REPORT"):
			case l.RequestID == r.RequestID:
				got = append(got, text)
			case n > 0 || l.Text != "loading" || l.RequestID != "":
				t.Errorf("line %.20s has id %q, want %q", l.Text, l.RequestID, r.RequestID)
			}
		}
		w.lines = nil
		w.mu.Unlock()
		want := []string{"START RequestId: " + r.RequestID[:3] + "/70/true"}
		for i := range n {
			want = append(want, strconv.Itoa(i)+"/1/false")
		}
		x := strings.Repeat("x", 20)
		want = append(want, "to the other stream/19/false", x+"/262144/false", x+"/262144/false", x+"/75712/false",
			"no end/6/false", "END RequestId: "+r.RequestID[:5]+"/51/true")
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("lines\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A child that left the process group is out of reach, and holds nothing up.
func TestEscapedChild(t *testing.T) {
	w := start(t, python(t, "import subprocess\ndef handler(e, c):\n"+
		"    return subprocess.Popen(['yes'], start_new_session=True, env={'PATH': '/usr/bin:/bin'}).pid"), Options{MaxLogBytes: 1000})
	pid, err := strconv.Atoi(string(w.invoke(`{}`).Payload))
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
