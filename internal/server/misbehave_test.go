package server_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/server"
)

// misbehaving does with a record what the first word of its key says.
const misbehaving = `
import { appendFileSync } from "node:fs";
const answers = {
  empty: { batchItemFailures: [{ itemIdentifier: "" }] }, null: { batchItemFailures: [{ itemIdentifier: null }] },
  key: { batchItemFailures: [{ foo: "bar" }] }, stranger: { batchItemFailures: [{ itemIdentifier: "1" }] },
  number: { batchItemFailures: [{ itemIdentifier: 123 }] }, text: "done",
  none: { batchItemFailures: [] }, nothing: { batchItemFailures: null }, object: {}, nil: null, blank: "",
};
export const handler = async ({ Records: [r] }) => {
  const id = r.dynamodb.Keys.id.S, kind = id.split("-")[0];
  appendFileSync(process.env.OUT, id + "\n");
  if (kind === "throw") throw new RangeError("no such user");
  if (kind === "hang") await new Promise((done) => setTimeout(done, 60000));
  if (kind === "exit") process.exit(3);
  if (kind === "leak") for (const held = []; ; ) held.push(Buffer.alloc(1 << 24, 1));
  if (kind === "report") return { batchItemFailures: [{ itemIdentifier: r.dynamodb.SequenceNumber }] };
  return answers[kind];
};
`

// Handlers that throw, hang, exit, take all memory, or report failures in each
// form park the items that they fail on, with why, and nothing else; answers that
// mean success are that.
func TestMisbehavingHandlers(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: run test/install")
	}
	_, url := serve(t, server.Options{})
	c, ctx := lambdaClient(url), t.Context()
	stream, put := users(t, url)
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	ok(t, os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(misbehaving), 0o600))
	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("hear"), Role: aws.String("arn:aws:iam::000000000000:role/any"), Runtime: types.RuntimeNodejs22x, Handler: aws.String("index.handler"),
		Code: &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: &dir}, Timeout: aws.Int32(4), MemorySize: aws.Int32(256),
		Environment: &types.Environment{Variables: map[string]string{"OUT": out}},
	})
	ok(t, err)
	_, err = c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("hear"), EventSourceArn: &stream, StartingPosition: types.EventSourcePositionTrimHorizon, BatchSize: aws.Int32(1), MaximumRetryAttempts: aws.Int32(1),
		FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
	})
	ok(t, err)
	fails := map[string]string{
		"throw": "no such user", "hang": "Task timed out", "exit": "Runtime.ExitError", "leak": "Runtime.ExitError", "report": "batchItemFailures",
		"empty": "batchItemFailures", "null": "batchItemFailures", "key": "foo", "stranger": "itemIdentifier", "number": "123", "text": "done",
	}
	takes := []string{"none", "nothing", "object", "nil", "blank", "fine"}
	for kind := range fails {
		put(kind + "-1")
	}
	for _, kind := range takes {
		put(kind + "-1")
	}
	reasons := map[string]string{}
	await(t, func() bool {
		reasons = parkedReasons(t, url)
		text, _ := os.ReadFile(out)
		for _, kind := range takes {
			if strings.Count(string(text), kind+"-1\n") != 1 {
				return false
			}
		}
		return len(reasons) == len(fails)
	})
	for kind, want := range fails {
		if got := reasons[kind+"-1"]; !strings.Contains(got, want) {
			t.Errorf("%s is parked because of %q, want %q", kind, got, want)
		}
	}
	text, err := os.ReadFile(out)
	ok(t, err)
	for kind := range fails {
		if n := strings.Count(string(text), kind+"-1\n"); n != 2 {
			t.Errorf("%s was handed over %d times, want twice", kind, n)
		}
	}
}

// parkedReasons returns why each item is parked.
func parkedReasons(t *testing.T, url string) map[string]string {
	t.Helper()
	resp, err := http.Post(url+"/_api/v1/parked", "application/json", strings.NewReader("{}"))
	ok(t, err)
	defer resp.Body.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var p struct {
			Error string
			Keys  struct{ ID struct{ S string } }
		}
		ok(t, json.Unmarshal(lines.Bytes(), &p, json.MatchCaseInsensitiveNames(true)))
		out[p.Keys.ID.S] = p.Error
	}
	return out
}
