package history

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
)

// binary builds the command once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tablecast-history-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "tablecast")
	build := exec.Command("go", "build", "-o", out, "github.com/tablecast/tablecast/cmd/tablecast")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A process is one run of the binary on a folder.
type process struct {
	cmd      *exec.Cmd
	endpoint string
	output   *apitest.Log
}

// start runs `tablecast up` and returns once it answers ready.
func start(t testing.TB, dir, config string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{output: &apitest.Log{}}
	p.cmd = exec.Command(path, "up", "--json", "--dir", dir, "--config", config, "--listen", "127.0.0.1:0")
	p.cmd.Stderr = p.output
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var ready struct {
			Ready *struct{ Endpoint string } `json:"ready"`
		}
		if json.Unmarshal(lines.Bytes(), &ready, json.MatchCaseInsensitiveNames(true)) == nil && ready.Ready != nil {
			p.endpoint = ready.Ready.Endpoint
			go drain(lines)
			return p
		}
	}
	err = p.cmd.Wait()
	t.Fatalf("the node ended before it was ready: %v\n%s", err, p.output)
	return nil
}

// drain reads a process's output to its end, so that it never blocks on it.
func drain(lines *bufio.Scanner) {
	for lines.Scan() {
	}
}

// kill ends the process as a power switch would end its memory.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// status asks the node for its counts.
func (p *process) status(ctx context.Context) (nodeStatus, error) {
	var s nodeStatus
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.endpoint+"/_api/v1/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	return s, json.UnmarshalRead(resp.Body, &s, json.MatchCaseInsensitiveNames(true))
}

// A nodeStatus is what the tests read of /_api/v1/status.
type nodeStatus struct {
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

// drained reports whether each change was mapped and each event delivered.
func (s nodeStatus) drained() bool {
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

// tables returns a DynamoDB client that does not retry, so that each call's
// answer is the first one.
func (p *process) tables() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(p.endpoint), Region: "us-east-1", Credentials: local, RetryMaxAttempts: 1,
	})
}

// reader returns a DynamoDB client for the checks: what only reads may be asked
// again when a connection breaks.
func (p *process) reader() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(p.endpoint), Region: "us-east-1", Credentials: local})
}

// streams returns a DynamoDB Streams client.
func (p *process) streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: aws.String(p.endpoint), Region: "us-east-1", Credentials: local})
}

var local = credentials.NewStaticCredentialsProvider("local", "local", "")
