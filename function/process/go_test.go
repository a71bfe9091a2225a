package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program built with AWS's own library, aws-lambda-go, runs as it is. It is a
// module of its own, as the public library is no part of this one.
func TestGoBootstrap(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "testdata/greet", "-o", filepath.Join(dir, "bootstrap"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w := start(t, Spec{Dir: dir, Runtime: "provided.al2023", MemoryMB: 512}, Options{})
	for range 100 {
		w.want(`{"name":"Ada"}`, `"Hello, Ada"`)
	}
	r, err := w.Invoke(t.Context(), []byte(`{"do":"context"}`), InvokeOptions{
		RequestID: "11111111-2222-4333-8444-555555555555", TraceID: "Root=1-67891233-abcdef012345678912345678",
	})
	want := `"11111111-2222-4333-8444-555555555555 arn:aws:lambda:us-east-1:000000000000:function:` + w.spec.Name + ` Root=1-67891233-abcdef012345678912345678"`
	if err != nil || string(r.Payload) != want {
		t.Errorf("context %s %v, want %s", r.Payload, err, want)
	}
	w.wantError(`{"do":"fail"}`, "errorString", "no luck")
	// An answer that is streamed arrives whole, or fails.
	if r := w.invoke(`{"do":"stream"}`); r.FunctionError != "" || string(r.Payload) != strings.Repeat("s", 100000) {
		t.Errorf("%q, %d bytes: %.200s", r.FunctionError, len(r.Payload), r.Payload)
	}
	w.wantError(`{"do":"break"}`, "errorString", "broke off")
	if n := w.Stats().Started; n != 1 {
		t.Errorf("%d processes for calls one after the other, want 1", n)
	}
	w.wantError(`{"do":"panic"}`, "string", "lost my head")
	w.want(`{"name":"Ada"}`, `"Hello, Ada"`)
}

func TestGoContext(t *testing.T) {
	w := start(t, goSpec(t), Options{})
	r, err := w.Invoke(t.Context(), []byte(`{}`), InvokeOptions{RequestID: "11111111-2222-4333-8444-555555555555"})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"id":"11111111-2222-4333-8444-555555555555"`, `"arn":"arn:aws:lambda:us-east-1:000000000000:function:` + w.spec.Name + `"`,
	} {
		if !strings.Contains(string(r.Payload), part) {
			t.Errorf("answer %s lacks %s", r.Payload, part)
		}
	}
	if !strings.Contains(string(r.LogTail), "\nhello from 11111111-2222-4333-8444-555555555555\n") {
		t.Errorf("log tail %s", r.LogTail)
	}
	if next := w.invoke(`{}`); strings.Contains(string(next.LogTail), r.RequestID) {
		t.Errorf("log tail of two invocations: %s", next.LogTail)
	}
	if r.Duration <= 0 || r.BilledMs < 1 {
		t.Errorf("duration %v, billed %d ms", r.Duration, r.BilledMs)
	}
}

func TestGoFailures(t *testing.T) {
	w := start(t, goSpec(t), Options{})
	w.wantError(`{"do":"fail"}`, "errorString", "no luck")
	w.wantError(`{"do":"panic"}`, "string", "lost my head")
	w.wantError(`{"do":"exit"}`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3")
	w.invoke(`{}`)
}
