package campaigntest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
)

// Local are credentials that any node on loopback takes.
var Local = credentials.NewStaticCredentialsProvider("local", "local", "")

var builds = struct {
	sync.Mutex
	paths map[string]string // by build tags
}{paths: map[string]string{}}

// Binary builds the command with the build tags, once for all tests of a
// package, and returns its path. Main removes it.
func Binary(t testing.TB, tags ...string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	key := strings.Join(tags, ",")
	if path := builds.paths[key]; path != "" {
		return path
	}
	dir, err := os.MkdirTemp("", "tablecast-campaign-")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tablecast")
	build := exec.Command("go", "build", "-tags", key, "-o", path, "github.com/tablecast/tablecast/cmd/tablecast")
	if out, err := build.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		t.Fatalf("go build: %v\n%s", err, out)
	}
	builds.paths[key] = path
	return path
}

// Main runs a package's tests, and removes what Binary built. It is the body of
// TestMain.
func Main(m *testing.M) {
	code := m.Run()
	for _, path := range builds.paths {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A Process is one run of the binary on a folder.
type Process struct {
	Cmd      *exec.Cmd
	Endpoint string
	Output   *apitest.Log // of standard error
}

// StartNode runs `tablecast up` on a folder and a file, with more flags if there
// are any, and returns once it answers ready.
func StartNode(t testing.TB, dir, config string, flags ...string) *Process {
	t.Helper()
	args := append([]string{"up", "--json", "--dir", dir, "--config", config, "--listen", "127.0.0.1:0"}, flags...)
	return StartCommand(t, exec.Command(Binary(t), args...))
}

// StartCommand starts a command that is or becomes `tablecast up --json`, or
// another whose first line says that it runs, and returns after that line. The
// process of a node has an Endpoint.
func StartCommand(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p, ready := TryCommand(t, cmd)
	if !ready {
		t.Fatalf("the process ended before it was ready: %v\n%s", cmd.ProcessState, p.Output)
	}
	return p
}

// TryCommand is StartCommand for a process that may end before it is ready; it
// reports whether it is. One that is not has been waited for.
func TryCommand(t testing.TB, cmd *exec.Cmd) (p *Process, ready bool) {
	t.Helper()
	p = &Process{Cmd: cmd, Output: &apitest.Log{}}
	cmd.Stderr = p.Output
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		_ = cmd.Wait() // ProcessState tells how it ended
		return p, false
	}
	var line struct {
		Ready *struct{ Endpoint string } `json:"ready"`
	}
	if json.Unmarshal(lines.Bytes(), &line, json.MatchCaseInsensitiveNames(true)) == nil && line.Ready != nil {
		p.Endpoint = line.Ready.Endpoint
	}
	go drain(lines)
	return p, true
}

// drain reads a process's output to its end, so that it never blocks on it.
func drain(lines *bufio.Scanner) {
	for lines.Scan() {
	}
}

// Kill ends the process as a power switch would end its memory.
func (p *Process) Kill() {
	p.Cmd.Process.Kill()
	p.Cmd.Wait()
}

// Status asks the node for its counts.
func (p *Process) Status(ctx context.Context) (Status, error) {
	var s Status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Endpoint+"/_api/v1/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("status of the node: %s", resp.Status)
	}
	return s, json.UnmarshalRead(resp.Body, &s, json.MatchCaseInsensitiveNames(true))
}

// A Status is what the tests read of /_api/v1/status.
type Status struct {
	Relays []struct {
		Table    string `json:"table"`
		Position uint64 `json:"position"`
		End      uint64 `json:"end"`
		Parked   uint64 `json:"parked"`
	} `json:"relays"`
	Rules []struct {
		Bus          string `json:"bus"`
		Rule         string `json:"rule"`
		Matched      uint64 `json:"matched"`
		Delivered    uint64 `json:"delivered"`
		DeadLettered uint64 `json:"deadLettered"`
		Dropped      uint64 `json:"dropped"`
		Pending      uint64 `json:"pending"`
	} `json:"rules"`
}

// Drained reports whether each change was mapped and each event delivered.
func (s Status) Drained() bool {
	for _, r := range s.Relays {
		if r.Position < r.End {
			return false
		}
	}
	for _, r := range s.Rules {
		if r.Pending > 0 {
			return false
		}
	}
	return true
}

// Tables returns a DynamoDB client that does not retry, so that each call's
// answer is the first one.
func (p *Process) Tables() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(p.Endpoint), Region: "us-east-1", Credentials: Local, RetryMaxAttempts: 1,
	})
}

// Reader returns a DynamoDB client for the checks: what only reads may be asked
// again when a connection breaks.
func (p *Process) Reader() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(p.Endpoint), Region: "us-east-1", Credentials: Local})
}

// Streams returns a DynamoDB Streams client.
func (p *Process) Streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: aws.String(p.Endpoint), Region: "us-east-1", Credentials: Local})
}
