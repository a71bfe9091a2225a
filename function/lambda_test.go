package function

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// Functions with their code, tags and policy outlive a restart; the folder of
// unpacked code is made anew.
func TestRestart(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{})
	w.create("py", app(t, "one"), pythonConfig())
	w.want("py", `{}`, `"one"`)
	if err := w.Tag("py", map[string]string{"k": "v"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetCode("py", "", app(t, "two")); err != nil {
		t.Fatal(err)
	}
	w.want("py", `{}`, `"two"`)
	before, _ := w.Get("py")
	w.stop()
	mem = mem.Clone(0)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "4242"), 0o700); err != nil {
		t.Fatal(err)
	}
	w = open(t, mem, Options{Dir: dir})
	w.want("py", `{}`, `"two"`)
	if after, err := w.Get("py"); err != nil || after.Revision != before.Revision || after.Tags["k"] != "v" || after.Code.SHA256 != before.Code.SHA256 {
		t.Errorf("after a restart %+v %v", after, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "4242")); err == nil {
		t.Error("the folder of code was not made anew")
	}
	if n := chunks(t, w.store); n != 1 {
		t.Errorf("%d chunks of code are left, want those of one file", n)
	}
	if err := w.Delete("py"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Invoke(t.Context(), "py", nil, process.InvokeOptions{}); !errors.Is(err, ErrNotFound) || chunks(t, w.store) != 0 {
		t.Errorf("after Delete: %v, %d chunks", err, chunks(t, w.store))
	}
}

func chunks(t *testing.T, store *kv.Store) (n int) {
	t.Helper()
	it := store.Scan(kv.Prefix(kv.NewKey('f').Uint64(1)))
	for it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// Code that was stored and never named, as a crash leaves it, goes at Open.
func TestSweep(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{})
	c := app(t, "lost")
	if _, err := w.place(&c); err != nil {
		t.Fatal(err)
	}
	w.create("py", app(t, "kept"), pythonConfig())
	w.stop()
	mem = mem.Clone(0)
	w = open(t, mem, Options{})
	if n := chunks(t, w.store); n != 1 {
		t.Errorf("%d chunks", n)
	}
	w.want("py", `{}`, `"kept"`)
}

// An invocation goes on to its end on the configuration that it began with.
func TestChangeWhileRunning(t *testing.T) {
	w := open(t, vfs.NewMem(), Options{})
	cfg := goConfig()
	cfg.Env = map[string]string{"GREETING": "one"}
	w.create("go", binary(t), cfg)
	gate := filepath.Join(t.TempDir(), "gate")
	var call sync.WaitGroup
	call.Go(func() {
		r, err := w.Invoke(t.Context(), "go", []byte(`{"wait":"`+gate+`"}`), process.InvokeOptions{})
		if err != nil || string(r.Payload) != `"done one"` {
			t.Errorf("%s %v", r.Payload, err)
		}
	})
	await(t, "begin", func() bool { _, err := os.Stat(gate + ".begun"); return err == nil })
	old, _ := w.find("go")
	if _, err := w.Configure("go", "", func(c *Config) { c.Env = map[string]string{"GREETING": "two"} }); err != nil {
		t.Fatal(err)
	}
	w.want("go", `{}`, `"done two"`)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	call.Wait()
	await(t, "end of the old processes", func() bool { return old.inst.fn.Stats().Processes == 0 })
	if _, err := w.Configure("go", "", func(c *Config) { c.Description = "d" }); err != nil {
		t.Fatal(err)
	}
	now, _ := w.find("go")
	w.want("go", `{}`, `"done two"`)
	if n := now.inst.fn.Stats().Started; n != 1 {
		t.Errorf("a description started another process: %d", n)
	}
}

// A function that cannot run says why, and runs once it can.
func TestStates(t *testing.T) {
	w := open(t, vfs.NewMem(), Options{Function: process.Options{Node: "no-such-node"}})
	f := w.create("js", Code{Zip: zipOf(t, file{"index.js", "", 0o644})}, Config{Runtime: "nodejs22.x", Handler: "index.handler"})
	if f.State.Code != process.CodeNoRuntime || !strings.Contains(f.State.Reason, "no-such-node") {
		t.Errorf("without node: %+v", f.State)
	}
	f = w.create("mode", Code{Zip: zipOf(t, file{"bootstrap", "x", 0o644})}, goConfig())
	if f.State.Code != process.CodeNotExecutable {
		t.Errorf("bootstrap without x: %+v", f.State)
	}
	dir := t.TempDir()
	f = w.create("late", Code{Dir: dir}, pythonConfig())
	if f.State.Code != process.CodeNoHandler {
		t.Errorf("without handler: %+v", f.State)
	}
	r, err := w.Invoke(t.Context(), "late", []byte(`{}`), process.InvokeOptions{})
	if err != nil || !r.NotStarted || !strings.Contains(string(r.Payload), "Runtime.ImportModuleError") {
		t.Errorf("%+v %v", r, err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("import nothing_of_this_name\n")
	if r, err := w.Invoke(t.Context(), "late", []byte(`{}`), process.InvokeOptions{}); err != nil || !r.NotStarted {
		t.Errorf("%+v %v", r, err)
	}
	if f, _ := w.Get("late"); f.State.Code != codeStart || !strings.Contains(f.State.Reason, "nothing_of_this_name") {
		t.Errorf("that does not load: %+v", f.State)
	}
	write("def handler(event, context):\n    return 'at last'\n")
	w.want("late", `{}`, `"at last"`)
	if f, _ := w.Get("late"); f.State.Failed() {
		t.Errorf("that runs: %+v", f.State)
	}
}

// What the file declares is listed and invoked, and never changed over the API.
func TestDeclared(t *testing.T) {
	spec := process.Spec{Name: "declared", Dir: binary(t).Dir, MemoryMB: 512}
	w := open(t, vfs.NewMem(), Options{Declared: []process.Spec{spec}})
	w.want("declared", `{}`, `"done "`)
	w.create("a", binary(t), goConfig())
	all, more := w.List("", 10)
	if len(all) != 2 || more || !all[1].Declared || all[1].Name != "declared" {
		t.Errorf("%+v %v", all, more)
	}
	if first, more := w.List("", 1); len(first) != 1 || !more {
		t.Errorf("a page: %+v %v", first, more)
	}
	if err := w.Delete("declared"); !errors.Is(err, ErrDeclared) {
		t.Error(err)
	}
	if err := w.Tag("declared", nil, nil); !errors.Is(err, ErrDeclared) {
		t.Error(err)
	}
	if _, err := w.Create(Function{Name: "declared", Code: Code{Dir: "/"}}); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
}

// Another file is in force at once: what stays keeps its processes, what changed
// runs as it is now, what went is gone, and what it hid is back. With one that
// is wrong, everything stays.
func TestDeclareAgain(t *testing.T) {
	w := open(t, vfs.NewMem(), Options{})
	w.create("hidden", app(t, "from the api"), pythonConfig())
	dir := func(answer string) process.Spec {
		d := t.TempDir()
		if err := os.WriteFile(filepath.Join(d, "app.py"), []byte("import os\ndef handler(e, c): return "+strconv.Quote(answer)+" + str(os.getpid() if e == 1 else '')\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return process.Spec{Dir: d, Handler: "app.handler", Runtime: "python3.12"}
	}
	named := func(name string, s process.Spec) process.Spec { s.Name = name; return s }
	stays, changes, goes, hides := named("stays", dir("stays")), named("changes", dir("one")), named("goes", dir("goes")), named("hidden", dir("from the file"))
	if err := w.Declare([]process.Spec{stays, changes, goes, hides}); err != nil {
		t.Fatal(err)
	}
	w.want("hidden", `{}`, `"from the file"`)
	w.want("changes", `{}`, `"one"`)
	w.want("goes", `{}`, `"goes"`)
	before, err := w.Invoke(t.Context(), "stays", []byte("1"), process.InvokeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Declare([]process.Spec{named("new", dir("new")), named("wrong", process.Spec{Dir: "/nowhere/at/all", Handler: "app.handler"})}); err == nil {
		t.Error("a function without a directory was declared")
	}
	w.want("goes", `{}`, `"goes"`)
	if err := w.Declare([]process.Spec{stays, named("changes", dir("two")), named("new", dir("new"))}); err != nil {
		t.Fatal(err)
	}
	w.want("changes", `{}`, `"two"`)
	w.want("new", `{}`, `"new"`)
	w.want("hidden", `{}`, `"from the api"`)
	w.want("stays", `1`, string(before.Payload))
	if _, err := w.Invoke(t.Context(), "goes", nil, process.InvokeOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("what went: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	w := open(t, vfs.NewMem(), Options{})
	f := w.create("f", binary(t), goConfig())
	none := func(*EventConfig) *EventConfig { return nil }
	_, noConfig := w.SetEvents("f", none)
	_, badARN := w.SetEvents("f", func(c *EventConfig) *EventConfig { c.OnFailure = "nowhere"; return c })
	_, otherRevision := w.Configure("f", "other", func(*Config) {})
	_, badZip := w.SetCode("f", "", Code{Zip: []byte("x")})
	many := map[string]string{}
	for i := range maxTags + 1 {
		many[strings.Repeat("k", i+1)] = ""
	}
	for name, c := range map[string]struct{ got, want error }{
		"no config": {noConfig, ErrNoConfig}, "revision": {otherRevision, ErrRevision}, "zip": {badZip, ErrZip},
		"tags": {w.Tag("f", many, nil), ErrTooManyTags}, "statement": {w.Disallow("f", "", "s"), ErrStatement},
		"none": {w.Enqueue("g", "", nil), ErrNotFound}, "large": {w.Enqueue("f", "", make([]byte, maxEventBytes+1)), process.ErrPayloadTooLarge},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v", name, c.got)
		}
	}
	var destination *DestinationError
	if !errors.As(badARN, &destination) {
		t.Errorf("destination: %v", badARN)
	}
	if now, _ := w.Get("f"); now.Revision != f.Revision {
		t.Error("a refusal changed the function")
	}
	zero := 0
	if _, err := w.Configure("f", f.Revision, func(c *Config) { c.Concurrency = &zero }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Invoke(t.Context(), "f", nil, process.InvokeOptions{}); !errors.Is(err, ErrConcurrency) {
		t.Error(err)
	}
}
