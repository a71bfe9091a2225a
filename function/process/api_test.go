package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
    c.sendall(("GET %s/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n" % (BASE, api)).encode())
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

// deserter drops its first request for work when it is told to, and asks again
// when it is told to.
const deserter = `#!/usr/bin/env python3
import http.client, os, socket
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
PATH = "/2018-06-01/runtime/invocation/"
c = socket.create_connection(api.split(":"))
c.sendall(("GET %snext HTTP/1.1\r\nHost: %s\r\n\r\n" % (PATH, api)).encode())
open(os.environ["SCRATCH"] + "/drop").read()
c.close()
open(os.environ["SCRATCH"] + "/ask").read()
c = http.client.HTTPConnection(api)
while True:
    c.request("GET", PATH + "next")
    r = c.getresponse()
    event = r.read()
    c.request("POST", PATH + r.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", event)
    c.getresponse().read()
`

// A process that drops its request for work is given nothing until it asks
// again.
func TestDroppedRequest(t *testing.T) {
	scratch := t.TempDir()
	for _, name := range []string{"drop", "ask"} {
		if err := syscall.Mkfifo(filepath.Join(scratch, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := start(t, Spec{
		Dir: files(t, map[string]string{"bootstrap": deserter}), Env: map[string]string{"SCRATCH": scratch}, Concurrency: 1,
	}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first := w.later(ctx, `"first"`)
	w.await("process", func(s Stats) bool { return s.Processes == 1 })
	cancel()
	<-first
	if s := w.Stats(); s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
	w.await("request for work", func(Stats) bool { return w.inState(parked) })
	write(t, filepath.Join(scratch, "drop"), "")
	w.await("end of the request", func(Stats) bool { return w.inState(answered) })
	second := w.later(t.Context(), `"second"`)
	w.await("waiting call", func(s Stats) bool { return s.Waiting == 1 })
	write(t, filepath.Join(scratch, "ask"), "")
	if out := <-second; out.err != nil || string(out.result.Payload) != `"second"` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
	if n := w.Stats().Started; n != 1 {
		t.Errorf("%d processes started, want 1", n)
	}
}

// inState reports whether all processes are in the state.
func (w *world) inState(s state) bool {
	w.Function.mu.Lock()
	defer w.Function.mu.Unlock()
	for worker := range w.workers {
		if worker.state != s {
			return false
		}
	}
	return len(w.workers) > 0
}

// An invocation that was handed to a process and not read by it, because its
// request or the process went at that moment, waits again, before the others.
func TestUnreadInvocation(t *testing.T) {
	for _, how := range []string{"request gone", "process gone"} {
		t.Run(how, func(t *testing.T) {
			s := goSpec(t)
			s.Name, s.Endpoint, s.Concurrency = "unread", "http://127.0.0.1:8000", 1
			f, err := Open(s, Options{})
			if err != nil {
				t.Fatal(err)
			}
			one, two := &invocation{id: "one"}, &invocation{id: "two"}
			for _, inv := range []*invocation{one, two} {
				if err := f.enqueue(inv, f.refresh()); err != nil {
					t.Fatal(err)
				}
			}
			w := f.recruit()
			f.mu.Lock()
			f.parkLocked(w)
			f.mu.Unlock()
			if w.inv != one {
				t.Fatalf("the worker has %v", w.inv)
			}
			if how == "request gone" {
				gone := make(chan struct{})
				close(gone)
				if inv, _ := w.await(gone); inv != nil {
					t.Errorf("a request that is gone got %v", inv)
				}
			} else {
				f.retire(w, ending{cause: causeExit, state: busy})
			}
			if !slices.Equal(f.queue, []*invocation{one, two}) {
				t.Errorf("waiting: %v", f.queue)
			}
		})
	}
}

// Processes end with the program that started them, even if that is killed.
func TestKilledParent(t *testing.T) {
	dir := files(t, map[string]string{"index.js": `exports.handler = async () => process.stdout.write("pid " + process.pid + "\n") && new Promise(() => setTimeout(() => {}, 1e8))`})
	orphan := uniqueName(t.Name())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentEnv+"="+dir, orphanEnv+"="+orphan, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	pid, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "pid ")
	if !ok || len(processesOf(t, orphan)) != 1 {
		t.Fatalf("parent said %s", line[:n])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); len(processesOf(t, orphan)) > 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("process %s outlives its parent", pid)
		}
	}
}
