package process

import (
	"strings"
	"testing"
)

func TestPythonHandlers(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"answer", "def handler(e, c):\n    return {'got': e['n']}", `{"got": 1}`},
		{"nothing", "def handler(e, c):\n    pass", `null`},
		{"context", "def handler(e, c):\n    return [c.function_version, c.memory_limit_in_mb, c.get_remaining_time_in_millis() > 50000]", `["$LATEST", "128", true]`},
		{"task root", "import os\ndef handler(e, c):\n    return os.getcwd() == os.environ['LAMBDA_TASK_ROOT']", `true`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, python(t, tc.text), Options{})
			for range 3 {
				w.want(`{"n":1}`, tc.want)
			}
			if n := w.Stats().Started; n != 1 {
				t.Errorf("%d processes, want 1", n)
			}
		})
	}
}

func TestPythonFailures(t *testing.T) {
	for _, tc := range []struct {
		name, text, kind, message string
		notStarted                bool
	}{
		{"raised", "def handler(e, c):\n    raise KeyError('lost')", "KeyError", "'lost'", false},
		{"marshal", "def handler(e, c):\n    return object()", "Runtime.MarshalError", "Unable to marshal response: Object of type object is not JSON serializable", false},
		{"exit", "import sys\ndef handler(e, c):\n    sys.exit(4)", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 4", false},
		{"crash", "import os\ndef handler(e, c):\n    os.abort()", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: aborted", false},
		{"at load", "raise ValueError('bad')", "ValueError", "bad", true},
		{"import", "import nosuchmodule", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nosuchmodule'", true},
		{"syntax", "def handler(e, c)", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'", true},
		{"no function", "x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, python(t, tc.text), Options{})
			for range 2 {
				if r := w.wantError(`{}`, tc.kind, tc.message); r.NotStarted != tc.notStarted {
					t.Errorf("NotStarted = %v, want %v", r.NotStarted, tc.notStarted)
				}
			}
		})
	}
}

// A package with relative imports is loaded by its dotted name.
func TestPythonPackage(t *testing.T) {
	for _, handler := range []string{"pkg.main.run", "pkg/main.run"} {
		w := start(t, Spec{Dir: files(t, map[string]string{
			"pkg/__init__.py": "", "pkg/part.py": "N = 4", "pkg/main.py": "from .part import N\ndef run(e, c):\n    return N",
		}), Handler: handler, Runtime: "python3.12"}, Options{})
		w.want(`{}`, `4`)
		w.stop()
	}
}

func TestPythonTrace(t *testing.T) {
	w := start(t, python(t, "def handler(e, c):\n    raise ValueError('x')"), Options{})
	r := w.wantError(`{}`, "ValueError", "x")
	if !strings.Contains(string(r.Payload), `app.py\", line 2, in handler`) {
		t.Errorf("payload %s lacks the trace", r.Payload)
	}
}
