package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// A world is one function that runs, and what it logged.
type world struct {
	*Function
	t    testing.TB
	stop func()

	mu    sync.Mutex
	lines []Line
}

// goSpec is the function that this test program is.
func goSpec(t testing.TB) Spec {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Binary: binary, Dir: t.TempDir(), MemoryMB: 512}
}

// files writes a function's code and returns its directory.
func files(t testing.TB, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// node and python are functions of one file.
func node(t testing.TB, file, text string) Spec {
	t.Helper()
	return Spec{Dir: files(t, map[string]string{file: text}), Handler: "index.handler", Runtime: "nodejs22.x"}
}

func python(t testing.TB, text string) Spec {
	t.Helper()
	return Spec{Dir: files(t, map[string]string{"app.py": text}), Handler: "app.handler", Runtime: "python3.12"}
}

// start opens and runs the function until the test ends, and checks then that
// nothing of it is left.
func start(t testing.TB, s Spec, o Options) *world {
	t.Helper()
	w := &world{t: t}
	s.Name = uniqueName(t.Name())
	if s.Endpoint == "" {
		s.Endpoint = "http://127.0.0.1:8000"
	}
	if s.Timeout == 0 {
		s.Timeout = time.Minute
	}
	o.TempDir = t.TempDir()
	o.Log = w.log
	f, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	w.Function = f
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		w.checkGone(o.TempDir)
	})
	t.Cleanup(w.stop)
	return w
}

// uniqueName returns a function's name that no other run of the tests uses.
func uniqueName(name string) string {
	name = strings.NewReplacer("/", "-", "#", "-", ".", "-").Replace(name)
	return fmt.Sprintf("%.50s-%d", name, os.Getpid())
}

func (w *world) log(l Line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, l)
}

// checkGone fails the test if a process or a file of the function is left.
func (w *world) checkGone(temp string) {
	w.t.Helper()
	if pids := processesOf(w.t, w.spec.Name); len(pids) > 0 {
		w.t.Errorf("processes left: %v", pids)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		w.t.Errorf("files left: %v", left)
	}
}

// processesOf returns the processes, zombies aside, whose environment says that
// they are of the function.
func processesOf(t testing.TB, name string) []string {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range environs {
		text, _ := os.ReadFile(file)
		if bytes.Contains(text, []byte("AWS_LAMBDA_FUNCTION_NAME="+name+"\x00")) {
			out = append(out, filepath.Base(filepath.Dir(file)))
		}
	}
	return out
}

// invoke fails the test if the function does not come to run.
func (w *world) invoke(payload string) Result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := w.Invoke(ctx, []byte(payload), InvokeOptions{})
	if err != nil {
		w.t.Fatalf("Invoke(%.100s): %v", payload, err)
	}
	return r
}

// want fails the test unless the function answers so.
func (w *world) want(payload, answer string) Result {
	w.t.Helper()
	r := w.invoke(payload)
	if r.FunctionError != "" || string(r.Payload) != answer {
		w.t.Fatalf("Invoke(%s) = %q %.500s, want %s\n%s", payload, r.FunctionError, r.Payload, answer, r.LogTail)
	}
	return r
}

// wantError fails the test unless the function fails with this type, and a
// message with this in it, where ID stands for the request id.
func (w *world) wantError(payload, kind, message string) Result {
	w.t.Helper()
	r := w.invoke(payload)
	var got struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		w.t.Fatalf("Invoke(%s): %.500s: %v", payload, r.Payload, err)
	}
	message = strings.ReplaceAll(message, "ID", r.RequestID)
	if r.FunctionError != Unhandled || got.Type != kind || !strings.Contains(got.Message, message) {
		w.t.Fatalf("Invoke(%s) = %q %s, want %s %s\n%s", payload, r.FunctionError, r.Payload, kind, message, r.LogTail)
	}
	return r
}

// await waits until the function's numbers are so.
func (w *world) await(what string, ok func(Stats) bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok(w.Stats()) {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("no %s: %+v", what, w.Stats())
		}
	}
}

// wantFault fails the test unless Open refuses the function with this code.
func wantFault(t *testing.T, s Spec, o Options, code string) *Error {
	t.Helper()
	if s.Name == "" {
		s.Name = "f"
	}
	if s.Endpoint == "" {
		s.Endpoint = "http://127.0.0.1:8000"
	}
	_, err := Open(s, o)
	var fault *Error
	if !errors.As(err, &fault) || fault.Code != code || fault.Fix == "" {
		t.Fatalf("Open(%+v) = %v, want code %s", s, err, code)
	}
	if text := err.Error(); !strings.Contains(text, fault.Fix) || !strings.Contains(text, s.Name) {
		t.Errorf("the text %q lacks name or fix", text)
	}
	return fault
}
