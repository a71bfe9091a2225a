package hostile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

const victimConfig = `
tables:
  users: { key: id, stream: new-image, indexes: { by-n: { key: n } } }
  health: { key: id }
buses: [main]
events: { UserCreated: { from: users, on: insert, source: mine, bus: main, detail: { id: "${new.id}" } } }
rules: { works: { bus: main, pattern: { source: [mine] }, targets: [ { log: heard } ] } }
`

// A victim is a node that is attacked. One that is closed takes only signed
// requests.
type victim struct {
	*campaigntest.Process
	creds  aws.Credentials
	closed bool
	client *http.Client // of the attackers
}

// startVictim runs the real binary on a new folder.
func startVictim(t *testing.T, closed bool) *victim {
	t.Helper()
	dir, v := t.TempDir(), &victim{closed: closed, creds: aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}}
	config := filepath.Join(dir, "tablecast.yaml")
	if err := os.WriteFile(config, []byte(victimConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "data")
	if closed {
		v.closes(t, folder)
	}
	v.Process = campaigntest.StartNode(t, folder, config, "--memory", strconv.Itoa(maxPeak))
	t.Cleanup(v.Kill)
	v.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 30 * time.Second}
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

// closes makes a folder take only requests that the victim's key has signed.
func (v *victim) closes(t *testing.T, folder string) {
	t.Helper()
	out, err := exec.Command(campaigntest.Binary(t), "keys", "create", "victim", "--dir", folder, "--json").Output()
	if err != nil {
		t.Fatalf("keys create: %v\n%s", err, out)
	}
	var key struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal(out, &key); err != nil {
		t.Fatal(err)
	}
	v.creds = aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
}

// service returns the name that a request is signed for.
func (c call) service() string {
	switch {
	case strings.HasPrefix(c.target, "DynamoDB"):
		return "dynamodb"
	case c.target != "":
		return "events"
	case strings.HasPrefix(c.path, "/20"):
		return "lambda"
	}
	return "tablecast"
}

// sign signs a request with a secret.
func (v *victim) sign(ctx context.Context, r *http.Request, service, secret string, body []byte) error {
	sum := sha256.Sum256(body)
	creds := aws.Credentials{AccessKeyID: v.creds.AccessKeyID, SecretAccessKey: secret}
	return v4.NewSigner().SignHTTP(ctx, creds, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now())
}

// healthy writes and reads like a good client until ctx ends, and returns how long
// each call took, in order of that. No call may fail.
func (v *victim) healthy(ctx context.Context, t *testing.T) (took []time.Duration) {
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(v.Endpoint), Region: "us-east-1", RetryMaxAttempts: 1, HTTPClient: &http.Client{Timeout: 30 * time.Second},
		Credentials: credentials.NewStaticCredentialsProvider(v.creds.AccessKeyID, v.creds.SecretAccessKey, ""),
	})
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			slices.Sort(took)
			return took
		case <-tick.C:
		}
		id := &types.AttributeValueMemberS{Value: strconv.Itoa(n % 100)}
		begin := time.Now()
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("health"), Item: map[string]types.AttributeValue{"id": id}}); err != nil {
			t.Errorf("a healthy client's PutItem: %v", err)
		}
		middle := time.Now()
		if _, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("health"), Key: map[string]types.AttributeValue{"id": id}}); err != nil {
			t.Errorf("a healthy client's GetItem: %v", err)
		}
		took = append(took, middle.Sub(begin), time.Since(middle))
		if t.Failed() {
			return nil
		}
	}
}

// percentile returns the value below which p hundredths of sorted values are.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}

// peakBytes returns the most memory that the victim's process ever had.
func (v *victim) peakBytes(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.Cmd.Process.Pid))
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc")
	return 0
}
