package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// What cannot run is refused at once, with what to do about it.
func TestOpenFaults(t *testing.T) {
	dir := files(t, map[string]string{
		"index.js": "", "app.py": "", "plain": "", "bad.ts": "let x: = 1", "lost.ts": "import 'no-such-package'",
	})
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		spec Spec
		opts Options
		code string
		text string
	}{
		{"no directory", Spec{}, Options{}, CodeInvalid, "directory"},
		{"directory gone", Spec{Dir: "/no/such"}, Options{}, CodeNoHandler, "/no/such"},
		{"name", Spec{Name: "a/b", Dir: dir}, Options{}, CodeInvalid, `"a/b"`},
		{"negative", Spec{Dir: dir, Timeout: -1}, Options{}, CodeInvalid, "negative"},
		{"reserved", Spec{Dir: dir, Env: map[string]string{"AWS_REGION": "x"}}, Options{}, CodeInvalid, "AWS_REGION"},
		{"bad variable", Spec{Dir: dir, Env: map[string]string{"A=B": "x"}}, Options{}, CodeInvalid, "A=B"},
		{"nothing tells", Spec{Dir: dir, Handler: "index.handler"}, Options{}, CodeInvalid, "nodejs22.x"},
		{"java", Spec{Dir: dir, Runtime: "java21", Handler: "a.B::c"}, Options{}, CodeUnsupported, "java21"},
		{"no node", Spec{Dir: dir, Runtime: "nodejs22.x", Handler: "index.handler"}, Options{Node: "no-such-node"}, CodeNoRuntime, "no-such-node"},
		{"no python", Spec{Dir: dir, Runtime: "python3.12", Handler: "app.handler"}, Options{Python: "no-such-python"}, CodeNoRuntime, "install"},
		{"no file", Spec{Dir: dir, Runtime: "nodejs22.x", Handler: "main.handler"}, Options{}, CodeNoHandler, "main.js"},
		{"no export", Spec{Dir: dir, Runtime: "nodejs22.x", Handler: "index"}, Options{}, CodeNoHandler, "index.handler"},
		{"no module", Spec{Dir: dir, Runtime: "python3.12", Handler: "other.handler"}, Options{}, CodeNoHandler, "other.py"},
		{"no function", Spec{Dir: dir, Runtime: "python3.12", Handler: "app"}, Options{}, CodeNoHandler, "lambda_function.lambda_handler"},
		{"no bootstrap", Spec{Dir: dir, Runtime: "provided.al2023"}, Options{}, CodeNoHandler, "bootstrap"},
		{"not executable", Spec{Dir: dir, Binary: "plain"}, Options{}, CodeNotExecutable, "chmod +x"},
		{"a directory", Spec{Dir: filepath.Dir(dir), Binary: filepath.Base(dir)}, Options{}, CodeNotExecutable, "not a file"},
		{"TypeScript", Spec{Dir: dir, Handler: "bad.ts"}, Options{}, CodeBuild, "bad.ts:1:8: "},
		{"package", Spec{Dir: dir, Handler: "lost.ts"}, Options{}, CodeBuild, `Could not resolve "no-such-package"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if e := wantFault(t, tc.spec, tc.opts, tc.code); !strings.Contains(e.Error(), tc.text) {
				t.Errorf("%q lacks %q", e.Error(), tc.text)
			}
		})
	}
	_, err := Open(Spec{Name: "f", Dir: dir, Handler: "index.js"}, Options{})
	if err == nil || !strings.Contains(err.Error(), "endpoint") {
		t.Errorf("Open without endpoint: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	dir := files(t, map[string]string{"index.js": ""})
	f, err := Open(Spec{Name: "f", Dir: dir, Handler: "index.js", Endpoint: "http://127.0.0.1:8000"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := f.Spec()
	if s.Timeout != 3*time.Second || s.MemoryMB != 128 || s.Concurrency != 10 || s.Account != "000000000000" || s.Region != "us-east-1" {
		t.Errorf("defaults: %+v", s)
	}
	if arn := s.ARN(); arn != "arn:aws:lambda:us-east-1:000000000000:function:f" {
		t.Error(arn)
	}
}

// A function sees what Lambda gives it and what the Spec says, nothing of the
// user's AWS account, and nothing else of the environment.
func TestEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "SECRET", "AWS_ENDPOINT_URL_S3", "PASSED"} {
		t.Setenv(name, "ours")
	}
	s := goSpec(t)
	s.Endpoint, s.Region, s.Handler = "http://127.0.0.1:4321", "eu-west-1", "h"
	s.Env = map[string]string{"TABLE": "users", "TZ": "Europe/Prague"}
	s.Credentials = Credentials{"id", "secret", "token"}
	w := start(t, s, Options{PassEnv: []string{"PASSED"}})
	var got []string
	if err := json.Unmarshal(w.invoke(`{"do":"environ"}`).Payload, &got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AWS_ENDPOINT_URL=http://127.0.0.1:4321", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "_HANDLER=h",
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
		"AWS_LAMBDA_FUNCTION_NAME=" + w.spec.Name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + w.spec.Name, "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"LAMBDA_TASK_ROOT=" + s.Dir, "TABLE=users", "TZ=Europe/Prague", "PASSED=ours", "PATH=" + os.Getenv("PATH"),
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, kv := range got {
		if strings.HasSuffix(kv, "=ours") && kv != "PASSED=ours" {
			t.Errorf("the function sees %s", kv)
		}
	}
}

// A directory that is too large to be watched is refused.
func TestManyFiles(t *testing.T) {
	dir := files(t, map[string]string{"index.js": ""})
	for i := range maxFiles {
		if err := os.Symlink("index.js", filepath.Join(dir, strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	_ = wantFault(t, Spec{Dir: dir, Handler: "index.js"}, Options{}, CodeInvalid)
}
