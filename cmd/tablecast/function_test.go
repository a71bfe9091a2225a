package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/config"
)

const counted = `
tables: { counters: { key: id, stream: new-image } }
mapping: { envelope: metadata }
events: { Counted: { from: counters, on: [insert, modify], source: app, detail: { id: "${new.id}", n: "${new.n}" } } }
`

// packagedFunction returns a function's program for this machine, and the zip
// file that holds it and the file with the given text.
func packagedFunction(t testing.TB, text string) (program, code []byte) {
	t.Helper()
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || arch == "" {
		t.Skip("the function's program runs on Linux alone")
	}
	program, err := (&packageFlags{arch: arch}).bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("tablecast.yaml", []byte(text))
	if err == nil {
		code, err = zipped(program, file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return program, code
}

// A rough is a bus's endpoint between the function and the node, which at first
// throttles, takes a part of a request, and loses answers.
type rough struct {
	node string
	more chan struct{} // told of each call, if it listens

	mu    sync.Mutex
	calls int      // guarded by mu
	taken []string // details that the node accepted, in order; guarded by mu
}

func (r *rough) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.tell()
	r.calls++
	var in struct{ Entries []map[string]any }
	if err := json.UnmarshalRead(req.Body, &in); err != nil {
		panic(err)
	}
	keep := len(in.Entries)
	switch r.calls {
	case 1:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ThrottlingException","message":"slower"}`)
		return
	case 3, 7:
		keep /= 2
	}
	out := r.forward(req, in.Entries[:keep])
	if r.calls == 5 || r.calls == 9 {
		panic(http.ErrAbortHandler) // the events are in; nobody is told
	}
	for range in.Entries[keep:] {
		out = append(out, map[string]any{"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"})
	}
	if err := json.MarshalWrite(w, map[string]any{"FailedEntryCount": len(in.Entries) - keep, "Entries": out}); err != nil {
		panic(err)
	}
}

func (r *rough) tell() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// forward puts entries on the node's bus and returns its results.
func (r *rough) forward(req *http.Request, entries []map[string]any) []any {
	if len(entries) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"Entries": entries})
	if err != nil {
		panic(err)
	}
	on, err := http.NewRequestWithContext(req.Context(), http.MethodPost, r.node, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	on.Header.Set("X-Amz-Target", req.Header.Get("X-Amz-Target"))
	on.Header.Set("Content-Type", req.Header.Get("Content-Type"))
	answer, err := http.DefaultClient.Do(on)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	var out struct {
		FailedEntryCount int
		Entries          []any
	}
	if err := json.UnmarshalRead(answer.Body, &out); err != nil || out.FailedEntryCount > 0 || len(out.Entries) != len(entries) {
		panic(fmt.Sprint("the node answered ", out, err))
	}
	for _, e := range entries {
		r.taken = append(r.taken, e["Detail"].(string))
	}
	return out.Entries
}

// Over a bus that throttles, takes requests in part and loses answers, and past a
// record that cannot be mapped, the function loses no event and keeps the order of
// each item; what comes twice has an equal id.
func TestFunctionOverRoughBus(t *testing.T) {
	_, code := packagedFunction(t, counted)
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { counters: { key: id, stream: new-image } }\n")
	upHere(t)
	o, err := (&clientFlags{}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	bus := &rough{node: *o.BaseEndpoint, more: make(chan struct{}, 1)}
	proxy := httptest.NewServer(bus)
	t.Cleanup(proxy.Close)
	db, fn := dynamodb.NewFromConfig(o), lambda.New(lambda.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials})
	changes := 15
	put := func(id, name string, n int) {
		item := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}, name: &types.AttributeValueMemberN{Value: fmt.Sprint(n)}}
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("counters"), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range changes {
		put("ada", "n", n)
		put("grace", "n", n)
		if n == changes/2 {
			put("poison", "other", n)
		}
		put("tony", "n", n)
	}
	subscribe(t, db, fn, code, proxy.URL)
	late := time.After(time.Minute)
	for done := false; !done; {
		select {
		case <-bus.more:
		case <-late:
			bus.mu.Lock()
			defer bus.mu.Unlock()
			t.Fatalf("%d calls, the bus has %q", bus.calls, bus.taken)
		}
		bus.mu.Lock()
		seen := firsts(t, bus.taken)
		bus.mu.Unlock()
		done = len(seen["ada"]) == changes && len(seen["grace"]) == changes && len(seen["tony"]) == changes
	}
	bus.mu.Lock()
	defer bus.mu.Unlock()
	if len(bus.taken) <= 3*changes {
		t.Errorf("%d events of %d: no answer was lost", len(bus.taken), 3*changes)
	}
	t.Logf("%d calls, %d events on the bus of %d", bus.calls, len(bus.taken), 3*changes)
}

// A function of a closed node calls it back with the key that the node gave it, and
// nothing of the operator's: the event that it publishes reaches the rule's target.
func TestFunctionCallsClosedNode(t *testing.T) {
	_, code := packagedFunction(t, counted)
	got := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case got <- string(body):
		default:
		}
	}))
	defer receiver.Close()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	use(t, mustEnd(t, statusOK, `"secret"`, "keys", "create", "operator", "--dir", data, "--json"))
	file := write(t, dir, "tablecast.yaml", "tables: { counters: { key: id, stream: new-image } }\nrules: { all: { pattern: { source: [app] }, targets: [ { webhook: "+receiver.URL+" } ] } }\n")
	var ready struct{ Ready struct{ Endpoint string } }
	background(t, &ready, "up", "--config", file, "--dir", data, "--listen", "127.0.0.1:0", "--allow-private", "127.0.0.0/8")
	o, err := (&clientFlags{}).connect(t.Context(), ready.Ready.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	db := dynamodb.NewFromConfig(o)
	subscribe(t, db, lambda.New(lambda.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials}), code, *o.BaseEndpoint)
	item := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "ada"}, "n": &types.AttributeValueMemberN{Value: "7"}}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("counters"), Item: item}); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-got:
		if !strings.Contains(body, `"ada"`) || !strings.Contains(body, `"Counted"`) {
			t.Error(body)
		}
	case <-time.After(time.Minute):
		t.Fatal("no event came back")
	}
}

// subscribe makes the function of the table's stream, whose bus is at a URL.
func subscribe(t *testing.T, db *dynamodb.Client, fn *lambda.Client, code []byte, bus string) {
	t.Helper()
	_, err := fn.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("tablecast"), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::000000000000:role/any"),
		Code: &lambdatypes.FunctionCode{ZipFile: code}, Timeout: aws.Int32(20), MemorySize: aws.Int32(512),
		Environment: &lambdatypes.Environment{Variables: map[string]string{"AWS_ENDPOINT_URL_EVENTBRIDGE": bus}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("counters")})
	if err == nil {
		_, err = fn.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String("tablecast"), EventSourceArn: d.Table.LatestStreamArn, StartingPosition: lambdatypes.EventSourcePositionTrimHorizon, BatchSize: aws.Int32(25),
			FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures}, BisectBatchOnFunctionError: aws.Bool(true),
			MaximumRetryAttempts: aws.Int32(1), DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String("dead-letters")}},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// firsts returns the numbers of each item, each where it first came. It fails
// where they are out of order, or where one change has two ids or two share one.
func firsts(t *testing.T, details []string) map[string][]string {
	t.Helper()
	seen, ids := map[string][]string{}, map[string]string{}
	for _, text := range details {
		var d struct {
			Metadata struct{ EventID string }
			Data     struct {
				ID string
				N  int
			}
		}
		if err := readJSON([]byte(text), &d); err != nil || d.Metadata.EventID == "" {
			t.Fatalf("%s: %v", text, err)
		}
		change := fmt.Sprint(d.Data.ID, " ", d.Data.N)
		if other, ok := ids[d.Metadata.EventID]; ok && other != change {
			t.Fatalf("%s and %s have one id", other, change)
		}
		ids[d.Metadata.EventID] = change
		if slices.Contains(seen[d.Data.ID], strconv.Itoa(d.Data.N)) {
			continue
		}
		if d.Data.N != len(seen[d.Data.ID]) {
			t.Fatalf("%s comes after %v", change, seen[d.Data.ID])
		}
		seen[d.Data.ID] = append(seen[d.Data.ID], strconv.Itoa(d.Data.N))
	}
	changes := 0
	for _, numbers := range seen {
		changes += len(numbers)
	}
	if len(ids) != changes {
		t.Fatalf("%d ids for %d changes", len(ids), changes)
	}
	return seen
}

// BenchmarkColdStart measures from the start of the function's process to its
// answer to the first invocation, which holds one record that raises nothing, and
// from there to the answer of the second.
func BenchmarkColdStart(b *testing.B) {
	program, _ := packagedFunction(b, counted)
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), program, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tablecast.yaml"), []byte(counted), 0o600); err != nil {
		b.Fatal(err)
	}
	var cold, warm time.Duration
	for b.Loop() {
		first, second := answerTimes(b, dir)
		cold, warm = cold+first, warm+second
	}
	b.ReportMetric(float64(cold.Microseconds())/1e3/float64(b.N), "ms/cold")
	b.ReportMetric(float64(warm.Microseconds())/1e3/float64(b.N), "ms/warm")
}

const removal = `{"Records":[{"eventID":"e1","eventName":"REMOVE","awsRegion":"us-east-1","dynamodb":{"Keys":{"id":{"S":"ada"}},"SequenceNumber":"100000000000000000001","StreamViewType":"NEW_IMAGE"},
	"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/counters/stream/2030-01-01T00:00:00.000"}]}`

// answerTimes starts a function's process and invokes it twice.
func answerTimes(b *testing.B, dir string) (cold, warm time.Duration) {
	b.Helper()
	var given int
	answers := make(chan string, 2)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			answers <- string(body)
			return
		}
		if given++; given > 2 {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint(given))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		fmt.Fprint(w, removal)
	}))
	defer api.Close()
	cmd := exec.CommandContext(b.Context(), filepath.Join(dir, "bootstrap"))
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"), "LAMBDA_TASK_ROOT=" + dir,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		api.CloseClientConnections()
	}()
	for i, took := range []*time.Duration{&cold, &warm} {
		if answer := <-answers; answer != `{"batchItemFailures":[]}` {
			b.Fatalf("answer %d: %s", i, answer)
		}
		*took = time.Since(start)
		start = time.Now()
	}
	return cold, warm
}

// The function deletes the items of an outbox whose events the bus accepted, but
// not one that was changed meanwhile.
func TestFunctionClearsOutbox(t *testing.T) {
	t.Chdir(t.TempDir())
	text := "tables: { outbox: { key: id, stream: new-image } }\n"
	write(t, ".", "tablecast.yaml", text)
	upHere(t)
	for name, to := range map[string]string{
		"TABLECAST_CONFIG": write(t, t.TempDir(), "tablecast.yaml", text+"outbox: { outbox: {} }\n"),
		"AWS_REGION":       "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
	} {
		t.Setenv(name, to)
	}
	o, err := (&clientFlags{}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	db := dynamodb.NewFromConfig(o)
	value := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	var records []string
	for n, id := range []string{"same", "changed", "gone"} {
		item := map[string]types.AttributeValue{"id": value(id), "source": value("shop"), "type": value("Paid"), "payload": value("{}")}
		if id == "changed" {
			item["type"] = value("Refunded")
		}
		if id != "gone" {
			if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("outbox"), Item: item}); err != nil {
				t.Fatal(err)
			}
		}
		records = append(records, fmt.Sprintf(`{"eventID":"e%d","eventName":"INSERT","awsRegion":"us-east-1","dynamodb":{"Keys":{"id":{"S":%q}},
			"NewImage":{"id":{"S":%[2]q},"source":{"S":"shop"},"type":{"S":"Paid"},"payload":{"S":"{}"}},"SequenceNumber":"10000000000000000000%[1]d","StreamViewType":"NEW_IMAGE"},
			"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/outbox/stream/2030-01-01T00:00:00.000"}`, n, id))
	}
	h, err := newFunction(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Handle(t.Context(), []byte(`{"Records":[`+strings.Join(records, ",")+`]}`))
	if err != nil || string(answer) != `{"batchItemFailures":[]}` {
		t.Fatalf("%s %v", answer, err)
	}
	left, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("outbox")})
	if err != nil || len(left.Items) != 1 || left.Items[0]["id"].(*types.AttributeValueMemberS).Value != "changed" {
		t.Errorf("left: %v %v", left, err)
	}
}

// Why the function cannot start is reported to Lambda, which gives it to the
// caller.
func TestFunctionReportsItsStart(t *testing.T) {
	got := make(chan string, 1)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		got <- r.Method + " " + r.URL.Path + " " + string(body)
	}))
	defer api.Close()
	t.Setenv("AWS_LAMBDA_RUNTIME_API", strings.TrimPrefix(api.URL, "http://"))
	t.Setenv("LAMBDA_TASK_ROOT", t.TempDir())
	t.Chdir(t.TempDir())
	if err := runFunction(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no tablecast.yaml beside the program") {
		t.Errorf("%v", err)
	}
	if r := <-got; !strings.HasPrefix(r, `POST /2018-06-01/runtime/init/error {"errorMessage":"there is no tablecast.yaml beside the program`) {
		t.Error(r)
	}
}
