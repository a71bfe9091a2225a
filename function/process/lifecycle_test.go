package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A door lets requests through when so many stand before it, or when it is
// opened.
type door struct {
	url     string
	arrived chan string
	open    func()
}

func newDoor(t *testing.T, n int) *door {
	t.Helper()
	opened := make(chan struct{})
	d := &door{arrived: make(chan string, 1000), open: sync.OnceFunc(func() { close(opened) })}
	var mu sync.Mutex
	count := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if count++; count == n {
			d.open()
		}
		mu.Unlock()
		d.arrived <- strings.TrimPrefix(r.URL.Path, "/")
		select {
		case <-opened:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { d.open(); server.Close() })
	d.url = server.URL
	return d
}

// later invokes in the background.
func (w *world) later(ctx context.Context, payload string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		r, err := w.Invoke(ctx, []byte(payload), InvokeOptions{})
		out <- answer{r, err}
	}()
	return out
}

// As many processes as are needed run at once, and no more.
func TestConcurrency(t *testing.T) {
	const processes, calls = 3, 30
	door := newDoor(t, processes)
	s := goSpec(t)
	s.Concurrency, s.Env = processes, map[string]string{"MEET": door.url}
	w := start(t, s, Options{})
	var all []<-chan answer
	for i := range calls {
		all = append(all, w.later(t.Context(), fmt.Sprintf(`{"do":"meet","text":"%d"}`, i)))
	}
	for i, done := range all {
		if out := <-done; out.err != nil || string(out.result.Payload) != strconv.Quote(strconv.Itoa(i)) {
			t.Errorf("call %d: %s %v", i, out.result.Payload, out.err)
		}
	}
	if s := w.Stats(); s.Started != processes || s.Processes != processes {
		t.Errorf("%+v, want %d processes", s, processes)
	}
}

// Many calls with processes that end in every way: each gets its own answer.
func TestStress(t *testing.T) {
	s := goSpec(t)
	s.Concurrency = 4
	w := start(t, s, Options{})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 25 {
				do, want := "echo", fmt.Sprintf(`"%d-%d"`, g, i)
				if i%10 == 9 {
					do, want = "exit", "exit status 3"
				}
				r, err := w.Invoke(t.Context(), fmt.Appendf(nil, `{"do":%q,"text":"%d-%d"}`, do, g, i), InvokeOptions{})
				if err != nil || !strings.Contains(string(r.Payload), want) {
					t.Errorf("%d-%d: %s %v", g, i, r.Payload, err)
				}
			}
		})
	}
	all.Wait()
	if s := w.Stats(); s.Waiting != 0 || s.Busy != 0 {
		t.Errorf("at rest: %+v", s)
	}
}

func TestIdleProcessesEnd(t *testing.T) {
	w := start(t, goSpec(t), Options{Idle: 10 * time.Millisecond})
	w.invoke(`{}`)
	w.await("end of the process", func(s Stats) bool { return s.Processes == 0 })
	w.invoke(`{}`)
	if n := w.Stats().Started; n != 2 {
		t.Errorf("%d processes started, want 2", n)
	}
}

// A process that dies at rest harms nobody.
func TestKilledAtRest(t *testing.T) {
	w := start(t, python(t, "import os\ndef handler(e, c):\n    return os.getpid()"), Options{})
	for range 3 {
		pid, err := strconv.Atoi(string(w.invoke(`{}`).Payload))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		w.await("end of the process", func(s Stats) bool { return s.Processes == 0 })
	}
	w.invoke(`{}`)
}

func TestInvokeBeforeAndAfterRun(t *testing.T) {
	s := goSpec(t)
	s.Name, s.Endpoint, s.Timeout = "early", "http://127.0.0.1:8000", time.Minute
	f, err := Open(s, Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Function: f, t: t}
	early := w.later(t.Context(), `{"do":"echo","text":"early"}`)
	w.await("waiting call", func(s Stats) bool { return s.Waiting == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	if out := <-early; out.err != nil || string(out.result.Payload) != `"early"` {
		t.Errorf("%s %v", out.result.Payload, out.err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`), InvokeOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Invoke after Run: %v", err)
	}
	if err := f.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}

// A call whose context ends is withdrawn if it waits, and goes on if it runs.
func TestContextCancelled(t *testing.T) {
	door := newDoor(t, 2)
	s := goSpec(t)
	s.Concurrency, s.Env = 1, map[string]string{"MEET": door.url}
	w := start(t, s, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	running := w.later(ctx, `{"do":"meet","text":"runs"}`)
	if who := <-door.arrived; who != "runs" {
		t.Fatal(who)
	}
	waiting := w.later(ctx, `{"do":"meet","text":"waits"}`)
	w.await("waiting call", func(s Stats) bool { return s.Waiting == 1 })
	cancel()
	for _, out := range []answer{<-running, <-waiting} {
		if !errors.Is(out.err, context.Canceled) {
			t.Errorf("%s %v", out.result.Payload, out.err)
		}
	}
	if s := w.Stats(); s.Waiting != 0 || s.Busy != 1 {
		t.Errorf("%+v, want none waiting and one busy", s)
	}
	door.open()
	w.want(`{"do":"echo","text":"next"}`, `"next"`)
	if n := w.Stats().Started; n != 1 {
		t.Errorf("%d processes started, want 1", n)
	}
	if _, err := w.Invoke(ctx, []byte(`{}`), InvokeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke with a cancelled context: %v", err)
	}
}

// The end of Run fails what runs and what waits.
func TestRunEnds(t *testing.T) {
	door := newDoor(t, 2)
	s := goSpec(t)
	s.Concurrency, s.Env = 1, map[string]string{"MEET": door.url}
	w := start(t, s, Options{})
	running := w.later(t.Context(), `{"do":"meet"}`)
	<-door.arrived
	waiting := w.later(t.Context(), `{"do":"meet"}`)
	w.await("waiting call", func(s Stats) bool { return s.Waiting == 1 })
	w.stop()
	for _, out := range []answer{<-running, <-waiting} {
		if !errors.Is(out.err, ErrClosed) {
			t.Errorf("%s %v", out.result.Payload, out.err)
		}
	}
}

func TestBusy(t *testing.T) {
	door := newDoor(t, 100)
	s := goSpec(t)
	s.Concurrency, s.Env = 1, map[string]string{"MEET": door.url}
	w := start(t, s, Options{MaxWaiting: 1})
	w.later(t.Context(), `{"do":"meet"}`)
	<-door.arrived
	w.later(t.Context(), `{"do":"meet"}`)
	w.await("waiting call", func(s Stats) bool { return s.Waiting == 1 })
	if _, err := w.Invoke(t.Context(), []byte(`{}`), InvokeOptions{}); !errors.Is(err, ErrBusy) {
		t.Errorf("Invoke = %v, want ErrBusy", err)
	}
}

// What a process leaves behind in its group when it exits is ended.
func TestLeftChild(t *testing.T) {
	w := start(t, python(t, "import os, subprocess\ndef handler(e, c):\n    subprocess.Popen(['sleep', '1000'])\n    os._exit(2)"), Options{})
	w.wantError(`{}`, "Runtime.ExitError", "exit status 2")
	w.await("end of the child", func(Stats) bool { return len(processesOf(t, w.spec.Name)) == 0 })
}

// A process that is no longer wanted can clean up.
func TestPoliteEnd(t *testing.T) {
	s := node(t, "index.js", `
		process.on("SIGTERM", () => { require("fs").writeFileSync(process.env.NOTE, "goodbye"); process.exit() });
		exports.handler = async () => 1`)
	note := filepath.Join(t.TempDir(), "note")
	s.Env = map[string]string{"NOTE": note}
	w := start(t, s, Options{Grace: time.Minute})
	w.want(`{}`, `1`)
	w.stop()
	if text, err := os.ReadFile(note); string(text) != "goodbye" {
		t.Errorf("note %q %v", text, err)
	}
}

// One that does not listen is killed.
func TestRudeEnd(t *testing.T) {
	w := start(t, node(t, "index.js", `process.on("SIGTERM", () => {}); exports.handler = async () => 1`), Options{Grace: time.Millisecond})
	w.want(`{}`, `1`)
	w.stop()
}

// Without room for its temporary folder an invocation fails, and the next one works
// once there is room again, whether the folder could not be made or is gone.
func TestNoTempDir(t *testing.T) {
	s := node(t, "index.js", `exports.handler = async () => 1`)
	s.Name, s.Endpoint, s.Timeout = uniqueName(t.Name()), "http://127.0.0.1:8000", time.Minute
	base := filepath.Join(t.TempDir(), "later")
	f, err := Open(s, Options{TempDir: base})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Function: f, t: t}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for range 2 {
		w.wantError(`{}`, "Runtime.InvalidEntrypoint", "no such file")
		if err := os.Mkdir(base, 0o700); err != nil {
			t.Fatal(err)
		}
		w.want(`{}`, `1`)
		w.await("end of the process", func(s Stats) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			for worker := range f.workers {
				f.stopLocked(worker)
			}
			return len(f.workers) == 0
		})
		if err := os.RemoveAll(base); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Sweep removes what a killed program left, and nothing else.
func TestSweep(t *testing.T) {
	base := t.TempDir()
	alive, dead := &scratch{base: base}, &scratch{base: base}
	kept, err := alive.folder()
	if err != nil {
		t.Fatal(err)
	}
	left, err := dead.folder()
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.lock.Close(); err != nil { // as the system does at its end
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, scratchLock), "")
	for _, other := range []string{scratchPrefix + "without-lock", "tablecast-other"} {
		if err := os.Mkdir(filepath.Join(base, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(elsewhere, filepath.Join(base, scratchPrefix+"link")); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(base); err != nil {
		t.Fatal(err)
	}
	for path, stays := range map[string]bool{
		kept: true, left: false, filepath.Join(elsewhere, scratchLock): true,
		filepath.Join(base, scratchPrefix+"without-lock"): true, filepath.Join(base, "tablecast-other"): true,
	} {
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: %v", path, err)
		}
	}
	alive.remove()
	if _, err := os.Stat(kept); err == nil {
		t.Error("the folder stays after its function")
	}
}
