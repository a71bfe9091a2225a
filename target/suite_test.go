package target_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, arn string, o target.Options) target.Target {
	t.Helper()
	tt, err := target.Open(arn, o)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := tt.(interface{ CloseIdleConnections() }); ok {
		t.Cleanup(c.CloseIdleConnections)
	}
	return tt
}

// serve returns a webhook to a handler.
func serve(t *testing.T, h http.HandlerFunc, timeout time.Duration) target.Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return open(t, s.URL, target.Options{Timeout: timeout})
}

// hang takes the request and never answers.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestWebhookSuite(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		var mu sync.Mutex
		var got []string
		return targettest.Fixture{
			Target: serve(t, func(_ http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(b))
			}, 5*time.Second),
			Received: func() []string {
				mu.Lock()
				defer mu.Unlock()
				return got
			},
		}
	}, targettest.Features{
		Hanging:  func(t *testing.T) target.Target { return serve(t, hang, 100*time.Millisecond) },
		Failing:  func(t *testing.T) target.Target { return serve(t, status(500), time.Second) },
		Refusing: func(t *testing.T) target.Target { return serve(t, status(400), time.Second) },
		Talkative: func(t *testing.T) target.Target {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for {
					if _, err := w.Write(make([]byte, 4096)); err != nil {
						return // endless until the caller hangs up
					}
				}
			}, 5*time.Second)
		},
	})
}

func lines(b []byte) []string { return strings.Split(strings.TrimSpace(string(b)), "\n") }

func TestLogSuite(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		dir := t.TempDir()
		return targettest.Fixture{
			Target: open(t, "log:events", target.Options{LogDir: dir}),
			Received: func() []string {
				b, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
				if err != nil {
					t.Error(err)
				}
				return lines(b)
			},
		}
	}, targettest.Features{
		Failing: func(t *testing.T) target.Target {
			return open(t, "log:events", target.Options{LogDir: filepath.Join(t.TempDir(), "absent")})
		},
	})
}

func TestStdoutSuite(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		var out bytes.Buffer
		return targettest.Fixture{
			Target:   open(t, "log:-", target.Options{Stdout: &out}),
			Received: func() []string { return lines(out.Bytes()) },
		}
	}, targettest.Features{})
}

func command(t *testing.T, script string, timeout time.Duration) target.Target {
	t.Helper()
	return open(t, fmt.Sprintf(`command:["/bin/sh","-c",%q]`, script), target.Options{Trusted: true, Timeout: timeout})
}

func TestCommandSuite(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		dir := t.TempDir()
		return targettest.Fixture{
			Target: command(t, `cat >`+dir+`/$TABLECAST_EVENT_ID`, 10*time.Second),
			Received: func() (out []string) {
				files, _ := filepath.Glob(dir + "/*")
				for _, f := range files {
					b, err := os.ReadFile(f)
					if err != nil {
						t.Error(err)
					}
					out = append(out, string(b))
				}
				return out
			},
		}
	}, targettest.Features{
		Hanging:   func(t *testing.T) target.Target { return command(t, `sleep 60 & sleep 60`, 200*time.Millisecond) },
		Failing:   func(t *testing.T) target.Target { return command(t, `exit 3`, time.Second) },
		Talkative: func(t *testing.T) target.Target { return command(t, `head -c 100000 /dev/zero`, 5*time.Second) },
	})
}
