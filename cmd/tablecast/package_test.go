package main

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tablecast/tablecast/config"
)

const packaged = `
tables: { users: { key: id } }
mapping: { envelope: metadata }
events: { UserCreated: { from: users, on: insert, source: app, schema: user.json, detail: { id: "${new.id}", email: "${new.email}" } } }
`

// A packaged function, made from the zip file and fed from a stream, publishes
// the events of its changes; what it cannot map goes to the destination on
// failure, and holds nothing else up.
func TestPackage(t *testing.T) {
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || arch == "" {
		t.Skip("the function's program runs on Linux alone")
	}
	dir := t.TempDir()
	write(t, dir, "tablecast.yaml", packaged)
	write(t, dir, "user.json", `{"type":"object","required":["id","email"],"properties":{"email":{"type":"string"}}}`)
	out := filepath.Join(dir, "function.zip")
	// The Go toolchain builds it from here.
	if status, stdout, stderr := execute(t.Context(), "package", "--arch", arch, "--config", filepath.Join(dir, "tablecast.yaml"), "--out", out); status != 0 || !strings.Contains(stdout, " MB, "+arch) {
		t.Fatalf("%d %s%s", status, stdout, stderr)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}

	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id, stream: new-and-old-images } }\n")
	upHere(t)
	heard := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard <- string(body)
	}))
	t.Cleanup(hook.Close)
	o, err := (&clientFlags{}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	db, fn, eb := dynamodb.NewFromConfig(o), lambda.New(lambda.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials}),
		eventbridge.New(eventbridge.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials})
	_, err = eb.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"source":["app"]}`)})
	if err == nil {
		_, err = eb.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("all"), Targets: []eventtypes.Target{{Id: aws.String("t"), Arn: &hook.URL}}})
	}
	if err == nil {
		_, err = fn.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String("tablecast"), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: aws.String("arn:aws:iam::000000000000:role/any"),
			Code: &lambdatypes.FunctionCode{ZipFile: code}, Timeout: aws.Int32(20), MemorySize: aws.Int32(512),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("users")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = fn.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("tablecast"), EventSourceArn: d.Table.LatestStreamArn, StartingPosition: lambdatypes.EventSourcePositionTrimHorizon,
		FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures}, BisectBatchOnFunctionError: aws.Bool(true),
		MaximumRetryAttempts: aws.Int32(1), DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String("dead-letters")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, email := range map[string]types.AttributeValue{
		"ada": &types.AttributeValueMemberS{Value: "ada@example.com"}, "poison": &types.AttributeValueMemberN{Value: "1"}, "grace": &types.AttributeValueMemberS{Value: "grace@example.com"},
	} {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}, "email": email}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for len(got) < 2 {
		var e struct {
			Detail struct {
				Metadata struct{ EventID string }
				Data     struct{ ID string }
			}
		}
		select {
		case body := <-heard:
			if err := readJSON([]byte(body), &e); err != nil || e.Detail.Metadata.EventID == "" {
				t.Fatalf("%s: %v", body, err)
			}
			got = append(got, e.Detail.Data.ID)
		case <-time.After(30 * time.Second):
			_, out, _ := execute(t.Context(), "mappings", "ls")
			t.Fatalf("heard %q; %s", got, out)
		}
	}
	if all := strings.Join(got, " "); !strings.Contains(all, "ada") || !strings.Contains(all, "grace") {
		t.Errorf("heard %q", got)
	}
	says(t, "mappings ls", "2 delivered, 0 filtered, 0 parked, 1 to the destination, 0 skipped")
}

// The same program and files make the same zip file, whenever and wherever.
func TestPackageIsReproducible(t *testing.T) {
	var made [][]byte
	for range 2 {
		dir := t.TempDir()
		write(t, dir, "tablecast.yaml", packaged)
		write(t, dir, "user.json", `{"type":"object"}`)
		f, err := config.Load(filepath.Join(dir, "tablecast.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := zipped([]byte("program"), f)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, b)
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two packages of the same differ")
	}
	r, err := zip.NewReader(bytes.NewReader(made[0]), int64(len(made[0])))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Mode().String()+" "+f.Name)
	}
	if got := strings.Join(names, ", "); got != "-rwxr-xr-x bootstrap, -rw-r--r-- tablecast.yaml, -rw-r--r-- user.json" {
		t.Errorf("it holds %s", got)
	}
}

// What cannot be packaged is refused, with what to do.
func TestPackageRefusals(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", packaged)
	write(t, ".", "user.json", `{}`)
	write(t, ".", "script", "#!/bin/sh\n")
	for want, args := range map[string][]string{
		"write arm64 or x86_64":   {"--arch", "riscv"},
		"is no program for Linux": {"--binary", "script"},
		"no such file":            {"--config", "nothing.yaml"},
	} {
		if status, _, stderr := execute(t.Context(), append([]string{"package"}, args...)...); status != statusUsage || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s", args, status, stderr)
		}
	}
}
