package function

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/runtimeapi"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// The test program is also the function that the tests run.
func TestMain(m *testing.M) {
	if address := os.Getenv(runtimeapi.EnvAddress); address != "" {
		fmt.Fprintln(os.Stderr, runtimeapi.New(address).Run(context.Background(), handle))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// An event says what the function is to do.
type event struct {
	Fail bool   `json:"fail"`
	Wait string `json:"wait"` // until this file exists; made at the begin is the file with ".begun"
}

func handle(_ context.Context, in runtimeapi.Invocation) ([]byte, error) {
	var e event
	if err := json.Unmarshal(in.Payload, &e); err != nil {
		return nil, err
	}
	if e.Wait != "" {
		if err := os.WriteFile(e.Wait+".begun", nil, 0o600); err != nil {
			return nil, err
		}
		for range time.Tick(time.Millisecond) {
			if _, err := os.Stat(e.Wait); err == nil {
				break
			}
		}
	}
	if e.Fail {
		return nil, errors.New("no luck")
	}
	return json.Marshal("done " + os.Getenv("GREETING"))
}

// A world is functions that run over a store.
type world struct {
	*Functions
	t     *testing.T
	store *kv.Store
	stop  func()
}

// open opens and runs the functions of a folder in memory until the test ends.
func open(t *testing.T, mem vfs.FS, o Options) *world {
	t.Helper()
	w := &world{t: t, store: kvtest.Open(t, "data", kv.Options{FS: mem})}
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "functions")
	}
	o.Endpoint, o.Function.TempDir = "http://127.0.0.1:1", t.TempDir()
	var err error
	if w.Functions, err = Open(w.store, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(w.stop)
	return w
}

// binary is a directory whose bootstrap is the test program.
func binary(t *testing.T) Code {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	return Code{Dir: dir}
}

func goConfig() Config {
	return Config{Runtime: "provided.al2023", Handler: "x", Seconds: 30, MemoryMB: 512}
}

func (w *world) create(name string, c Code, cfg Config) Function {
	w.t.Helper()
	f, err := w.Create(Function{Name: name, Code: c, Config: cfg})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// want fails the test unless the function answers so.
func (w *world) want(name, payload, answer string) process.Result {
	w.t.Helper()
	r, err := w.Invoke(w.t.Context(), name, []byte(payload), process.InvokeOptions{})
	if err != nil || string(r.Payload) != answer {
		w.t.Fatalf("%s(%s) = %s %v, want %s\n%s", name, payload, r.Payload, err, answer, r.LogTail)
	}
	return r
}

// file is an entry of a zip file.
type file struct {
	name, text string
	mode       fs.FileMode
}

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		out, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func app(t *testing.T, answer string) Code {
	t.Helper()
	return Code{Zip: zipOf(t, file{"app.py", fmt.Sprintf("def handler(event, context):\n    return %q\n", answer), 0o644})}
}

func pythonConfig() Config {
	return Config{Runtime: "python3.12", Handler: "app.handler", Seconds: 30}
}

// await returns once ok holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no %s", what)
		}
	}
}
