package function

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// probe is a runtime that calls the Runtime API as none should, and answers
// with what it was told.
const probe = `#!/usr/bin/env python3
import http.client, json, os, socket
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
BASE = "/2018-06-01/runtime"

def call(method, path, body=None, **headers):
    c = http.client.HTTPConnection(api)
    c.request(method, BASE + path, body, headers)
    r = c.getresponse()
    return r, r.read().decode()

def code(method, path, body=None):
    r, text = call(method, path, body)
    return "%d %s" % (r.status, json.loads(text).get("errorType", text) if text[:1] == "{" else text.strip())

def abandon():
    c = socket.create_connection(api.split(":"))
    c.sendall(("GET %s/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n" % BASE).encode())
    c.close()

before = [code("POST", "/invocation/x/response", "1")]
abandon()
while True:
    r, event = call("GET", "/invocation/next")
    again, event2 = call("GET", "/invocation/next")
    id = r.headers["Lambda-Runtime-Aws-Request-Id"]
    told = before + [
        event == event2 and id == again.headers["Lambda-Runtime-Aws-Request-Id"],
        code("POST", "/init/error", "{}"),
        code("POST", "/invocation/other/response", "1"),
        code("POST", "/invocation/other/error", "1"),
        code("GET", "/nowhere").split()[0],
        int(r.headers["Lambda-Runtime-Deadline-Ms"]) > 0,
        r.headers["Lambda-Runtime-Trace-Id"], r.headers["Lambda-Runtime-Client-Context"], r.headers["Content-Type"],
    ]
    call("POST", "/invocation/%s/response" % id, json.dumps(told))
    before = [code("POST", "/invocation/%s/response" % id, "1")]
`

// The Runtime API answers misuse as AWS does, and goes on.
func TestRuntimeAPI(t *testing.T) {
	w := start(t, Spec{Dir: files(t, map[string]string{"bootstrap": probe})}, Options{})
	const want = `["403 InvalidStateTransition", true, "403 InvalidStateTransition", "400 InvalidRequestID", "400 InvalidRequestID", "404", true, ` +
		`"Root=1", "{}", "application/json"]`
	for range 2 {
		r, err := w.Invoke(t.Context(), []byte(`{"a":1}`), InvokeOptions{TraceID: "Root=1", ClientContext: "{}"})
		if err != nil || string(r.Payload) != want {
			t.Errorf("told %s %v\nwant %s", r.Payload, err, want)
		}
	}
}

// deserter asks for work on a connection that it drops, once; later processes
// work.
const deserter = `#!/usr/bin/env python3
import http.client, os, socket, time
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
scratch = os.environ["SCRATCH"]
PATH = "/2018-06-01/runtime/invocation/"
try:
    os.mkdir(scratch + "/first")
    first = True
except FileExistsError:
    first = False
if first:
    open(scratch + "/fifo").read()
    c = socket.create_connection(api.split(":"))
    c.sendall(("GET %snext HTTP/1.1\r\nHost: x\r\n\r\n" % PATH).encode())
    time.sleep(0.05)
    c.close()
    print("asked", flush=True)
    time.sleep(1000)
c = http.client.HTTPConnection(api)
while True:
    c.request("GET", PATH + "next")
    r = c.getresponse()
    event = r.read()
    c.request("POST", PATH + r.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", event)
    c.getresponse().read()
`

// An invocation that no process read is handed to another process.
func TestUnreadInvocationMovesOn(t *testing.T) {
	scratch := t.TempDir()
	fifo := filepath.Join(scratch, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, Spec{
		Dir: files(t, map[string]string{"bootstrap": deserter}), Env: map[string]string{"SCRATCH": scratch}, Concurrency: 1,
	}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first := w.later(ctx, `"first"`)
	w.await("process", func(s Stats) bool { return s.Processes == 1 })
	cancel()
	<-first
	write(t, fifo, "") // it may ask now
	w.awaitLine("asked")
	second := w.later(t.Context(), `"second"`)
	w.await("invocation handed out", func(s Stats) bool { return s.Busy == 1 })
	for _, pid := range processesOf(t, w.spec.Name) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if out := <-second; out.err != nil || string(out.result.Payload) != `"second"` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
	if n := w.Stats().Started; n != 2 {
		t.Errorf("%d processes started, want 2", n)
	}
}

// awaitLine waits until the function has logged the line.
func (w *world) awaitLine(text string) {
	w.t.Helper()
	w.await("line "+text, func(Stats) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, l := range w.lines {
			if l.Text == text {
				return true
			}
		}
		return false
	})
}

// Processes end with the program that started them, even if that is killed.
func TestKilledParent(t *testing.T) {
	dir := files(t, map[string]string{"index.js": `exports.handler = async () => process.stdout.write("pid " + process.pid + "\n") && new Promise(() => setTimeout(() => {}, 1e8))`})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentEnv+"="+dir, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	pid, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "pid ")
	if !ok || len(processesOf(t, "orphan")) != 1 {
		t.Fatalf("parent said %s", line[:n])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); len(processesOf(t, "orphan")) > 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("process %s outlives its parent", pid)
		}
	}
}
