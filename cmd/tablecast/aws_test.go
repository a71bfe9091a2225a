package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/internal/server/servertest"
)

// A recorder notes which operations are asked of a node, as IAM names them.
type recorder struct {
	to *httputil.ReverseProxy

	mu   sync.Mutex
	seen map[string]bool
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	service, op, _ := strings.Cut(in.Header.Get("X-Amz-Target"), ".")
	actions := []string{op}
	if op == "TransactWriteItems" {
		actions = []string{"PutItem", "UpdateItem", "DeleteItem"}
	}
	r.mu.Lock()
	for _, a := range actions {
		prefix := "dynamodb:"
		if service == "AWSEvents" {
			prefix = "events:"
		}
		r.seen[prefix+a] = true
	}
	r.mu.Unlock()
	r.to.ServeHTTP(w, in)
}

// recorded runs a node on a file, behind a recorder, until the test ends.
func recorded(t *testing.T, text string) (direct string, r *recorder, through string) {
	t.Helper()
	_, direct = servertest.Start(t, servertest.Options{Config: text, Memory: true})
	to, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	r = &recorder{to: httputil.NewSingleHostReverseProxy(to), seen: map[string]bool{}}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return direct, r, srv.URL
}

// work runs a worker until the test ends, and returns the address of its health.
func work(t *testing.T, args ...string) string {
	t.Helper()
	var ready struct{ Ready struct{ Health string } }
	background(t, &ready, args...)
	return ready.Ready.Health
}

// docs/aws.md does what it says, its policy allows what a worker does and no
// more, and its metrics are those that there are.
func TestDocumentedAWS(t *testing.T) {
	text, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	direct, tables, source := recorded(t, "tables: { users: { key: id, stream: new-and-old-images } }")
	_, buses, target := recorded(t, "")
	for name, value := range map[string]string{"TABLECAST_SOURCE": source, "TABLECAST_BUS": target, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL": direct} {
		t.Setenv(name, value)
	}
	printed, health, shown, policy := "", "", 0, ""
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		switch kind, name, body := b[1], b[2], b[3]; {
		case kind == "yaml":
			write(t, ".", name, body)
		case name == "run":
			health = work(t, strings.Fields(body)[1:]...)
		case name == "put":
			putAll(t, direct, body)
			eventually(t, func() bool {
				_, out, _ := execute(t.Context(), "parked", "ls", "--worker")
				return out != ""
			})
		case name == "policy":
			policy = body
		case kind == "sh":
			printed = shell(t, body, false)
		case kind == "text":
			shown++
			if got := steady(t, printed); strings.TrimSpace(got) != strings.TrimSpace(body) {
				t.Errorf("printed\n%s\ndocumented\n%s", got, body)
			}
		}
	}
	if shown != 2 {
		t.Errorf("%d answers", shown)
	}
	checkPolicy(t, policy, tables, buses)
	checkMetrics(t, string(text), health)
}

// putAll writes items, a line each, to the table users of a node.
func putAll(t *testing.T, url, lines string) {
	t.Helper()
	client := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: aws.AnonymousCredentials{}})
	for line := range strings.Lines(lines) {
		var user map[string]string
		if err := json.Unmarshal([]byte(line), &user); err != nil {
			t.Fatal(err)
		}
		item := map[string]types.AttributeValue{}
		for name, value := range user {
			item[name] = &types.AttributeValueMemberS{Value: value}
		}
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
}

func checkPolicy(t *testing.T, text string, all ...*recorder) {
	t.Helper()
	var policy struct{ Statement []struct{ Action any } }
	if err := readJSON([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	allowed, used := map[string]bool{}, map[string]bool{}
	for _, s := range policy.Statement {
		several, _ := s.Action.([]any)
		for _, a := range several { // ListStreams stands alone: it is asked once a stream was disabled
			allowed[a.(string)] = true
		}
	}
	for _, r := range all {
		r.mu.Lock()
		for a := range r.seen {
			used[a] = true
		}
		r.mu.Unlock()
	}
	if d := cmp.Diff(used, allowed); d != "" {
		t.Errorf("used, and allowed: %s", d)
	}
}

func checkMetrics(t *testing.T, page, health string) {
	t.Helper()
	resp, err := http.Get(health + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, text string) (out []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if d := cmp.Diff(names("(?m)^# TYPE (tablecast_\\w+)", string(body)), names("(?m)^\\| `(tablecast_\\w+)`", page)); d != "" {
		t.Errorf("metrics, and documented ones: %s", d)
	}
}

// Mistakes on the command line of a worker are told with what to write instead.
func TestWorkerUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "none")
	health := []string{"--listen", "127.0.0.1:0"}
	const events = "tables: { users: { key: id } }\nevents: { E: { from: users } }\n"
	for _, c := range []struct {
		file, want string
		args       []string
	}{
		{"", "there is no tablecast.yaml here or above", health},
		{events, "the source is embedded, and a worker carries changes elsewhere: write --source aws", health},
		{events, "the bus is embedded", append(health, "--source", "aws")},
		{events, "--bus is here; write aws, or the URL of an endpoint", append(health, "--source", "aws", "--bus", "here")},
		{events, "no region is set: give --region, or set AWS_REGION", append(health, "--source", "aws", "--bus", "aws")},
		{events, "--group is \"a#b\"", append(health, "--source", "aws", "--bus", "aws", "--group", "a#b")},
		{events, "--max-request is 2MB; write 256KB or 1MB", append(health, "--max-request", "2MB")},
		{events, "--failover is 10ms; write 1s or more", append(health, "--failover", "10ms")},
		{events, "other machines reach 0.0.0.0:0: add --expose", []string{"--listen", "0.0.0.0:0"}},
		{"tables: { users: { key: id } }\n", "the file declares no events", append(health, "--source", "http://127.0.0.1:1", "--bus", "http://127.0.0.1:1")},
	} {
		if c.file != "" {
			write(t, ".", "tablecast.yaml", c.file)
		}
		status, _, stderr := execute(t.Context(), append([]string{"worker"}, c.args...)...)
		if status != statusUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %s\nwant %s", c.args, status, stderr, c.want)
		}
	}
}

// A store of large details is reached with the credentials that everything else
// is, not with those of the environment alone.
func TestWorkerClaims(t *testing.T) {
	var signed string
	bucket := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { signed = r.Header.Get("Authorization") + r.URL.Path }))
	t.Cleanup(bucket.Close)
	file := write(t, t.TempDir(), "credentials", "[default]\naws_access_key_id = FROMFILE\naws_secret_access_key = secret\n")
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": file, "AWS_REGION": "eu-west-1"} {
		t.Setenv(name, value)
	}
	store, err := (&workerFlags{}).claims(t.Context(), "s3://claims/here?endpoint="+bucket.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "id", []byte("{}")); err != nil || !strings.Contains(signed, "FROMFILE/") || !strings.HasSuffix(signed, "/claims/here/id.json") {
		t.Errorf("%v, %s", err, signed)
	}
}

// A bucket is reached at the endpoint that the environment names, as by the SDKs.
func TestClaimsEndpoint(t *testing.T) {
	paths := make(chan string, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write(t, dir, "credentials", "[default]\naws_access_key_id = KEY\naws_secret_access_key = secret\n")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_PROFILE", "default")
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv("AWS_ENDPOINT_URL", "")
		t.Setenv(name, srv.URL)
		f := workerFlags{region: "eu-west-1"}
		store, err := f.claims(t.Context(), "s3://bucket/large")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		ref, err := store.Put(ctx, "e1", []byte("{}"))
		cancel()
		if err != nil || !strings.HasPrefix(ref, "s3://bucket/large/e1") {
			t.Fatalf("%s: %q %v", name, ref, err)
		}
		if path := <-paths; !strings.HasPrefix(path, "/bucket/large/e1") {
			t.Errorf("%s: the call went to %s", name, path)
		}
	}
}
