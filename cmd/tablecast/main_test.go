package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/kv"
)

// execute runs a command line in this process.
func execute(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		report(&errOut, err)
	}
	return exitStatus(err), out.String(), errOut.String()
}

// background runs a command line in this process until the test ends, and reads
// the line of JSON that it prints once it is ready.
func background(t *testing.T, ready any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		cmd := newRoot()
		cmd.SetArgs(append(args, "--json"))
		cmd.SetOut(in)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(ctx); err != nil {
			t.Error(err)
		}
		in.Close()
	}()
	t.Cleanup(func() { cancel(); <-done })
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = readJSON(line, ready)
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	go io.Copy(io.Discard, lines) //nolint:errcheck // ends with the command
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitStatuses(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good.yaml", "tables: { users: { key: id } }\n")
	elsewhere := write(t, dir, "elsewhere.yaml", "region: eu-west-1\ntables: { users: { key: id } }\n")
	bad := write(t, dir, "bad.yaml", "tables: { users: { kye: id } }\nrules: { r: {} }\n")
	open := write(t, dir, "keys", "A B\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	locked := filepath.Join(dir, "locked")
	store, err := kv.Open(locked, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	newer := filepath.Join(dir, "newer")
	if err := os.Mkdir(newer, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, newer, "FORMAT", "tablecast 99\n")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"check --config " + good, statusOK, "is good: 1 tables"},
		{"check --config " + bad, statusUsage, `bad.yaml:1:20: unknown key "kye"`},
		{"check --config " + bad, statusUsage, `rule r has neither pattern nor schedule`},
		{"check --config " + dir + "/none.yaml", statusUsage, "no such file"},
		{"up --config " + bad + " --dir " + dir + "/untouched", statusUsage, `unknown key "kye"`},
		{"up --colour", statusUsage, "unknown flag"},
		{"fly", statusFailed, "unknown command"},
		{"up --config " + good + " --dir " + dir + "/d --listen " + taken.Addr().String(), statusAddrInUse, "address already in use"},
		{"up --config " + good + " --dir " + locked + " --listen 127.0.0.1:0", statusLocked, "in use"},
		{"up --config " + good + " --dir " + newer + " --listen 127.0.0.1:0", statusNewerFormat, "99"},
		{"up --config " + good + " --dir " + dir + "/d --listen 0.0.0.0:0", statusUsage, "tablecast keys create"},
		{"up --config " + good + " --dir " + dir + "/d --auth-keys " + open, statusUsage, "tablecast keys create"},
		{"up --config " + good + " --dir " + dir + "/d --allow-private private", statusUsage, "write one as 10.0.0.0/8"},
		{"up --config " + good + " --dir " + dir + "/d --cors *", statusUsage, "write one as http://localhost:3000"},
		{"up --config " + good + " --dir " + dir + "/d --listen 127.0.0.1:0", statusOK, "ready"},
		{"demo --users 0", statusUsage, "--users"},
		{"version --json", statusOK, `"version"`},
		{"env", statusOK, "export AWS_ENDPOINT_URL=http://127.0.0.1:4566\nexport AWS_REGION=us-east-1\nexport AWS_DEFAULT_REGION=us-east-1\n"},
		{"env --region eu-west-1", statusOK, "export AWS_REGION=eu-west-1\nexport AWS_DEFAULT_REGION=eu-west-1\n"},
		{"env --config " + elsewhere, statusOK, "export AWS_REGION=eu-west-1\n"},
		{"env --config " + elsewhere + " --region us-west-2", statusUsage, "and the node has"},
		{"env --region moon", statusUsage, "write it as eu-west-1"},
	} {
		status, out, errOut := execute(ended, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%s: status %d, want %d\n%s%s", c.args, status, c.status, out, errOut)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "untouched")); err == nil {
		t.Error("a faulty file touched the folder")
	}
}

// The demo's last line is the summary, and its figures agree with each other.
func TestDemo(t *testing.T) {
	status, out, errOut := execute(t.Context(), "demo", "--users", "25", "--rate", "0", "--exit", "--json", "--listen", "127.0.0.1:0")
	if status != statusOK {
		t.Fatalf("status %d\n%s", status, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Summary struct {
			Writes, Events, Deliveries int
			Fsyncs                     uint64
			P50                        float64 `json:"p50_ms"`
		}
	}
	if err := readJSON([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	s := last.Summary
	if s.Writes != 25 || s.Events != 25 || s.Deliveries != 25 || s.Fsyncs < 25 || len(lines) != 4*25+1 {
		t.Errorf("%d lines, %+v", len(lines), s)
	}
	status, out, _ = execute(t.Context(), "demo", "--users", "2", "--rate", "0", "--exit", "--listen", "127.0.0.1:0")
	if status != statusOK || !strings.Contains(out, "2 writes, 2 events, 2 deliveries") || !strings.Contains(out, "aws dynamodb put-item") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// A noticed calls first before its first write.
type noticed struct {
	first func()
	bytes.Buffer
}

func (n *noticed) Write(b []byte) (int, error) {
	if n.first != nil {
		n.first()
		n.first = nil
	}
	return n.Buffer.Write(b)
}

// The demo says what it does before it opens a node, which may take a while.
func TestDemoSpeaksAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	opened := true
	out := &noticed{first: func() { _, err := os.Stat(dir); opened = err == nil }}
	cmd := newRoot()
	cmd.SetArgs([]string{"demo", "--users", "1", "--rate", "0", "--exit", "--listen", "127.0.0.1:0", "--dir", dir})
	cmd.SetOut(out)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if opened {
		t.Errorf("nothing was printed before the node was open:\n%s", out)
	}
}

// Each command has an example in its help, and the exit statuses if it can end
// with others than those of wrong usage.
func TestHelp(t *testing.T) {
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				check(sub)
			}
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if simple := cmd.Name() == "version"; cmd.Runnable() && !simple && !strings.Contains(cmd.Long, "Exit statuses:") {
			t.Errorf("%s does not tell its exit statuses", cmd.CommandPath())
		}
	}
	check(newRoot())
}

// A command that asks a node fails if what answers is none, or fails itself.
func TestNoNode(t *testing.T) {
	status := http.StatusOK
	body := ""
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // to a test
	}))
	defer other.Close()
	for _, c := range []struct {
		status int
		body   string
		exit   int
		says   string
	}{
		{http.StatusOK, "", statusOK, ""},
		{http.StatusBadGateway, "", statusFailed, "502 Bad Gateway"},
		{http.StatusNotFound, "", statusFailed, "404 Not Found"},
		{http.StatusInternalServerError, `{"message":"it broke"}`, statusFailed, "it broke"},
		{http.StatusBadRequest, `{"message":"not so"}`, statusUsage, "not so"},
		{http.StatusForbidden, `{"message":"no backups here"}`, statusFailed, "no backups here"},
		{http.StatusForbidden, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not you"}`, statusDenied, "not you; sign with a key that may"},
		{http.StatusOK, `{"error":"not so","usage":true}`, statusUsage, "not so"},
		{http.StatusOK, `{"error":"it broke"}`, statusFailed, "it broke"},
	} {
		status, body = c.status, c.body
		exit, _, errOut := execute(t.Context(), "dlq", "ls", "--url", other.URL)
		if exit != c.exit || !strings.Contains(errOut, c.says) || strings.Contains(errOut, "--help") != (exit == statusUsage) {
			t.Errorf("%d %s: exit status %d, %s", c.status, c.body, exit, errOut)
		}
	}
	status, body = http.StatusOK, ""
	if exit, _, errOut := execute(t.Context(), "events", "tail", "--url", other.URL); exit != statusFailed || !strings.Contains(errOut, "the node ended the answer") {
		t.Errorf("a tail that the node ended: exit status %d, %s", exit, errOut)
	}
}
