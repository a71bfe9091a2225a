package aws_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A stand is a node on which the pattern is deployed.
type stand struct {
	db  *dynamodb.Client
	fn  *lambda.Client
	bus *eventbridge.Client
}

// start starts a node in a folder and waits until it can be called.
func start(t *testing.T, program string) stand {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "up", "--json", "--listen", "127.0.0.1:0")
	cmd.Dir = t.TempDir()
	put(t, filepath.Join(cmd.Dir, "tablecast.yaml"), []byte("tables: {}\n"))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var ready struct {
		Ready struct {
			Endpoint string `json:"endpoint"`
		} `json:"ready"`
	}
	if err := json.UnmarshalDecode(jsontext.NewDecoder(out), &ready); err != nil {
		t.Fatal(err)
	}
	c := aws.Config{Region: "us-east-1", BaseEndpoint: &ready.Ready.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	return stand{dynamodb.NewFromConfig(c), lambda.NewFromConfig(c), eventbridge.NewFromConfig(c)}
}

// table makes a table with a key and returns its stream, if it has one.
func (s stand) table(t *testing.T, name, key string, stream *types.StreamSpecification) string {
	t.Helper()
	out, err := s.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest, StreamSpecification: stream,
		KeySchema:            []types.KeySchemaElement{{AttributeName: &key, KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &key, AttributeType: types.ScalarAttributeTypeS}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.TableDescription.LatestStreamArn)
}

// function makes a function of a zip file and returns its ARN.
func (s stand) function(t *testing.T, name string, code []byte, environment map[string]string) string {
	t.Helper()
	out, err := s.fn.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::000000000000:role/any"),
		Code: &lambdatypes.FunctionCode{ZipFile: code}, Timeout: aws.Int32(30), Environment: &lambdatypes.Environment{Variables: environment},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.FunctionArn
}

// follow maps a stream to the mapper as the SAM template does.
func (s stand) follow(t *testing.T, stream string) {
	t.Helper()
	in := lambda.CreateEventSourceMappingInput{}
	text, err := json.Marshal(settings(samTemplate(t).changes()))
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	in.FunctionName, in.EventSourceArn = aws.String("mapper"), &stream
	in.DestinationConfig = &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String("dead-letters")}}
	if err == nil {
		_, err = s.fn.CreateEventSourceMapping(t.Context(), &in)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// build builds the program in a directory as AWS Lambda runs it.
func build(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", dir, "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", path, ".")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return path
}

func zipOf(t *testing.T, program string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	h.SetMode(0o755)
	to, err := w.CreateHeader(h)
	if err == nil {
		_, err = to.Write(read(t, program))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// The pattern runs on a node: a user who is written is welcomed once, though the
// event comes again.
func TestPattern(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds programs for Linux")
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	program, packed := build(t, "../../cmd/tablecast"), filepath.Join(t.TempDir(), "tablecast.zip")
	run(t, ".", program, "package", "--arch", arch, "--out", packed)
	run(t, ".", program, "package", "--arch", arch, "--out", packed+"2")
	if !bytes.Equal(read(t, packed), read(t, packed+"2")) {
		t.Error("two packages of the same differ")
	}
	s, sam := start(t, program), samTemplate(t)

	stream := s.table(t, "stack-Users-1", "id", &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages})
	s.table(t, "stack-Inbox-1", "id", nil)
	if _, err := s.bus.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("news")}); err != nil {
		t.Fatal(err)
	}
	consumer := s.function(t, "consumer", zipOf(t, build(t, "consumer")), map[string]string{"INBOX": "stack-Inbox-1"})
	pattern, err := json.Marshal(at(sam.Resources["UserCreated"].Properties, "EventPattern"))
	if err == nil {
		_, err = s.bus.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("r"), EventBusName: aws.String("news"), EventPattern: aws.String(string(pattern))})
	}
	if err == nil {
		_, err = s.bus.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
			Rule: aws.String("r"), EventBusName: aws.String("news"), Targets: []eventtypes.Target{{Id: aws.String("consumer"), Arn: &consumer}},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	names := at(sam.Resources["Mapper"].Properties, "Environment", "Variables", "TABLECAST_TABLES").(string)
	s.function(t, "mapper", read(t, packed), map[string]string{"TABLECAST_TABLES": strings.ReplaceAll(names, "${Users}", "stack-Users-1")})
	s.follow(t, stream)

	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	_, err = s.db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("stack-Users-1"), Item: map[string]types.AttributeValue{"id": text("u1"), "email": text("ada@example.com")}})
	if err != nil {
		t.Fatal(err)
	}
	id := s.welcomed(t)
	for range 2 { // the same event again
		out, err := s.fn.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("consumer"), LogType: lambdatypes.LogTypeTail,
			Payload: []byte(`{"detail":{"metadata":{"eventId":"` + strings.TrimPrefix(id, "welcome#") + `"},"data":{"id":"u1","email":"ada@example.com"}}}`),
		})
		if err != nil || out.FunctionError != nil {
			t.Fatalf("%v %s", err, out.Payload)
		}
		if log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)); err != nil || strings.Contains(string(log), "welcome") {
			t.Errorf("welcomed again: %s %v", log, err)
		}
	}
	if again := s.welcomed(t); again != id {
		t.Errorf("the inbox has %s, before %s", again, id)
	}
}

// welcomed waits until the inbox has exactly one thing that is done, and returns
// its id.
func (s stand) welcomed(t *testing.T) string {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		out, err := s.db.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("stack-Inbox-1")})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Items) > 1 {
			t.Fatalf("the inbox has %v", out.Items)
		}
		for _, i := range out.Items {
			if state, ok := i["state"].(*types.AttributeValueMemberS); ok && state.Value == "done" {
				return i["id"].(*types.AttributeValueMemberS).Value
			}
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("nobody was welcomed")
		}
	}
}
