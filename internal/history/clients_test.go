package history

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

const repository = "../.."

// TestExamples walks through the examples as their READMEs do: the service is
// the AWS SDK for JavaScript, the consumer an HTTP server, the node the binary.
func TestExamples(t *testing.T) {
	modules, err := filepath.Abs(filepath.Join(repository, "test/clients/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "@aws-sdk/client-dynamodb")); err != nil {
		t.Skip("the AWS SDK for JavaScript is not installed: run test/install")
	}
	t.Run("users", func(t *testing.T) {
		p := example(t, modules, "users", []string{"ada", "grace", "edsger"},
			"UserCreated: welcome, ada <ada@example.com>", "UserCreated: welcome, grace <grace@example.com>", "UserCreated: welcome, edsger <edsger@example.com>")
		testCLI(t, p)
	})
	t.Run("orders", func(t *testing.T) {
		example(t, modules, "orders", []string{"ada", "grace"}, "OrderPlaced: ada", "OrderShipped: ada", "OrderPlaced: grace", "OrderShipped: grace")
	})
}

// example runs an example's node, consumer and service, and waits until the
// consumer has printed what it should. It returns the node.
func example(t *testing.T, modules, name string, args []string, printed ...string) *campaigntest.Process {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "examples", name))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	lines, url := startScript(t, dir, "consumer.mjs", "0")
	config := filepath.Join(dir, "tablecast.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), "http://127.0.0.1:9000", url))
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p := campaigntest.StartNode(t, filepath.Join(dir, ".tablecast"), config)
	t.Cleanup(p.Kill)
	service := exec.Command("node", append([]string{"service.mjs"}, args...)...)
	service.Dir, service.Env = dir, clientEnviron(p)
	if out, err := service.CombinedOutput(); err != nil {
		t.Fatalf("service: %v\n%s\n%s", err, out, p.Output)
	}
	want := map[string]bool{}
	for _, line := range printed {
		want[line] = true
	}
	for deadline := time.After(20 * time.Second); len(want) > 0; {
		select {
		case line := <-lines:
			if !want[line] {
				t.Errorf("the consumer printed %q", line)
			}
			delete(want, line)
		case <-deadline:
			t.Fatalf("the consumer never printed %v\n%s", want, p.Output)
		}
	}
	return p
}

// sayer answers what it is told to say.
const sayer = `
export const handler = async (event) => {
  if (event.fail) throw new Error(event.fail);
  console.log("said", event.say);
  return event.Records ? { batchItemFailures: [] } : event.say;
};
`

// TestClients drives tables, streams and functions with the AWS SDK for JavaScript and with each boto3
// that there is: Debian's old one, and the one of the python3 on the path.
func TestClients(t *testing.T) {
	clients := filepath.Join(repository, "test/clients")
	p := campaigntest.StartNode(t, filepath.Join(t.TempDir(), "data"), emptyConfig(t))
	defer p.Kill()
	t.Run("JavaScript", func(t *testing.T) {
		if _, err := os.Stat(filepath.Join(clients, "node_modules/@aws-sdk/client-dynamodb")); err != nil {
			t.Skip("the AWS SDK for JavaScript is not installed: run test/install")
		}
		runClient(t, p, clients, "node", "tables.mjs")
		code := t.TempDir()
		if err := os.WriteFile(filepath.Join(code, "index.mjs"), []byte(sayer), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CODE", code)
		runClient(t, p, clients, "node", "functions.mjs")
	})
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		t.Run(python, func(t *testing.T) {
			if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
				t.Skipf("%s has no boto3: run test/install", python)
			}
			runClient(t, p, clients, python, "tables.py", p.Endpoint)
		})
	}
}

// emptyConfig returns a file that declares nothing.
func emptyConfig(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tablecast.yaml")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// runClient runs a script that ends well if every answer was right.
func runClient(t *testing.T, p *campaigntest.Process, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, clientEnviron(p)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s\n%s", args, err, out, p.Output)
	}
}

// startScript runs a Node.js script that prints where it listens, and returns
// the lines that it prints after that.
func startScript(t *testing.T, dir string, args ...string) (<-chan string, string) {
	t.Helper()
	cmd := exec.Command("node", args...)
	cmd.Dir = dir
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	in := bufio.NewScanner(stdout)
	if !in.Scan() {
		t.Fatalf("%v printed nothing", args)
	}
	url := regexp.MustCompile(`http://\S+`).FindString(in.Text())
	lines := make(chan string, 100)
	go func() {
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines, url
}

// clientEnviron points AWS clients at the node.
func clientEnviron(p *campaigntest.Process) []string {
	return append(os.Environ(), "AWS_ENDPOINT_URL="+p.Endpoint, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
}

// testCLI drives tables, streams and buses with the AWS CLI.
func testCLI(t *testing.T, p *campaigntest.Process) {
	path := "/usr/bin/aws" // Debian's, which has no other way than --endpoint-url
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("aws"); err != nil {
			t.Log("the AWS CLI is not installed: its part is left out; run test/install")
			return
		}
	}
	aws := func(args ...string) map[string]any {
		t.Helper()
		cmd := exec.Command(path, append(args, "--endpoint-url", p.Endpoint, "--output", "json")...)
		cmd.Env = clientEnviron(p)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
		}
		var v map[string]any
		if len(out) > 0 {
			if err := json.Unmarshal(out, &v); err != nil {
				t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		return v
	}
	if v := aws("dynamodb", "scan", "--table-name", "users"); v["Count"] != 3.0 {
		t.Errorf("scan: %v", v)
	}
	aws("dynamodb", "put-item", "--table-name", "users", "--item", `{"id":{"S":"cli"},"n":{"N":"1.50"}}`)
	if v := aws("dynamodb", "get-item", "--table-name", "users", "--key", `{"id":{"S":"cli"}}`); v["Item"].(map[string]any)["n"].(map[string]any)["N"] != "1.5" {
		t.Errorf("get-item: %v", v)
	}
	streams := aws("dynamodbstreams", "list-streams", "--table-name", "users")["Streams"].([]any)
	arn := streams[0].(map[string]any)["StreamArn"].(string)
	if v := aws("dynamodbstreams", "describe-stream", "--stream-arn", arn); len(v["StreamDescription"].(map[string]any)["Shards"].([]any)) != 4 {
		t.Errorf("describe-stream: %v", v)
	}
	if v := aws("events", "list-rules", "--event-bus-name", "main"); len(v["Rules"].([]any)) != 1 {
		t.Errorf("list-rules: %v", v)
	}
	if v := aws("events", "put-events", "--entries", `[{"Source":"cli","DetailType":"T","Detail":"{}","EventBusName":"main"},{"Source":"cli"}]`); v["FailedEntryCount"] != 1.0 {
		t.Errorf("put-events: %v", v)
	}
}
