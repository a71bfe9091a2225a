package target_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

func TestOpenRefuses(t *testing.T) {
	for arn, fix := range map[string]string{
		"":                                 "http://HOST/PATH",
		"ftp://x":                          "http://HOST/PATH",
		"arn:aws:sqs:us-east-1:1:q":        "--aws",
		"arn:aws:swf:us-east-1:1:q":        "http://HOST/PATH",
		"http://":                          "http://HOST:PORT/PATH",
		"http:foo":                         "http://HOST:PORT/PATH",
		"http://u:p@host/":                 "without USER:PASSWORD@",
		"http://host/#f":                   "without #f",
		"http://169.254.169.254/latest":    "the URL of a service",
		"http://[::ffff:169.254.169.254]/": "the URL of a service",
		"log:":                             "log:- or log:NAME",
		"log:../x":                         "log:- or log:NAME",
		"log:a/b":                          "log:- or log:NAME",
		"log:/etc/passwd":                  "log:NAME",
		`command:["true"]`:                 "tablecast.yaml",
		"go:mailer":                        "Options.Targets",
	} {
		_, err := target.Open(arn, target.Options{})
		var p *target.ParseError
		if !errors.As(err, &p) || !strings.Contains(p.Fix, fix) {
			t.Errorf("%q: %v", arn, err)
		}
	}
	for _, arn := range []string{"command:", "command:true", "command:[]", `command:[""]`, `command:[1]`, `command:["a\u0000b"]`} {
		if _, err := target.Open(arn, target.Options{Trusted: true}); err == nil {
			t.Errorf("%q: no error", arn)
		}
	}
	for _, arn := range []string{"http://h", "https://h/p?q=1", "log:-", "log:a.b", "log:/x", `command:["a"]`} {
		if _, err := target.Open(arn, target.Options{Trusted: true}); err != nil {
			t.Error(err)
		}
	}
}

// The environment of a command holds what is allowed and nothing else.
func TestCommandEnvironment(t *testing.T) {
	t.Setenv("SECRET", "s3cret")
	a, err := command(t, `env; exit 0`, 5*time.Second).Deliver(t.Context(), targettest.Delivery(7))
	if err != nil {
		t.Fatal(err)
	}
	env := string(a.Body)
	if strings.Contains(env, "s3cret") || !strings.Contains(env, "PATH=") || !strings.Contains(env, "TABLECAST_EVENT_ID=id-7") {
		t.Errorf("environment:\n%s", env)
	}
	if a.Status != "exit status 0" {
		t.Errorf("status %q", a.Status)
	}
}

// What a command leaves running is killed with the call.
func TestCommandGroupDies(t *testing.T) {
	for name, script := range map[string]string{"timeout": "& sleep 60", "exit": ">/dev/null 2>&1 &"} {
		d := targettest.Delivery(1)
		d.Event.ID = "group-" + t.TempDir()
		tt := command(t, `(trap "" HUP; exec sleep 60) `+script, 300*time.Millisecond)
		if _, err := tt.Deliver(t.Context(), d); (err != nil) != (name == "timeout") {
			t.Errorf("%s: %v", name, err)
		}
		for deadline := time.Now().Add(5 * time.Second); len(started(t, d.Event.ID)) > 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: processes %v are alive", name, started(t, d.Event.ID))
			}
		}
	}
}

// started returns the live processes that a command started for an event.
func started(t *testing.T, id string) (alive []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(env), "TABLECAST_EVENT_ID="+id+"\x00") {
			alive = append(alive, filepath.Base(filepath.Dir(f)))
		}
	}
	return alive
}
