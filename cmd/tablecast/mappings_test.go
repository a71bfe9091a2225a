package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// What a function fails on is listed, redriven after a fix, or dropped.
func TestMappings(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id, stream: new-image } }\nfunctions: { hear: { handler: app.py, timeout: 20s } }\n")
	write(t, ".", "app.py", "def handler(event, context):\n    raise ValueError('no luck')\n")
	upHere(t)
	o, err := (&clientFlags{}).connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	db, fn := dynamodb.NewFromConfig(o), lambda.New(lambda.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials})
	d, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("users")})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ada", "grace"} {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = fn.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("hear"), EventSourceArn: d.Table.LatestStreamArn, StartingPosition: lambdatypes.EventSourcePositionTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(status int, want string, args ...string) {
		t.Helper()
		got, out, errOut := execute(t.Context(), append([]string{"parked"}, args...)...)
		if got != status || !strings.Contains(out+errOut, want) {
			t.Errorf("parked %v: status %d, want %d %q\n%s%s", args, got, status, want, out, errOut)
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		if _, out, _ := execute(t.Context(), "mappings", "ls"); strings.Contains(out, "hear Enabled: 0 delivered, 0 filtered, 2 parked") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was parked")
		}
	}
	for want, args := range map[string][]string{
		`users INSERT {"id":{"S":"ada"}}: function hear: `: {"ls", "--table", "users", "--key", `{"id": "ada"}`},
		`users INSERT {"id":{"S":"ada"}}: function`:        {"ls", "--mapping", "hear", "--key", `{"id":{"S":"ada"}}`},
		`new {"id":{"S":"ada"}}`:                           {"show", "--since", "1h"},
		`"function":"hear"`:                                {"ls", "--json", "--mapping", "hear"},
	} {
		_, out, errOut := execute(t.Context(), append([]string{"parked"}, args...)...)
		if !strings.Contains(out, want) || strings.Contains(out, "grace") == (len(args) == 5) {
			t.Errorf("parked %v printed %s%s", args, out, errOut)
		}
	}
	for _, verb := range []string{"ls", "redrive", "drop"} {
		run(statusUsage, "no table is called others", verb, "--table", "others", "--seq", "1")
		run(statusUsage, "no event source mapping is called none", verb, "--mapping", "none")
		run(statusUsage, "no event is called None", verb, "--event", "None")
		run(statusUsage, "--key", verb, "--key", "{")
		run(statusFailed, "nothing that is parked matches", verb, "--key", `{"id":"alan"}`)
		run(statusFailed, "nothing that is parked matches", verb, "--before", "1h")
		run(statusUsage, "add --worker", verb, "--group", "g")
	}
	run(statusFailed, "function hear: 0 changes taken, 2 failed again", "redrive")
	run(statusFailed, `"failed":1`, "redrive", "--json", "--key", `{"id":"ada"}`)
	run(statusOK, "no luck", "ls")
	run(statusOK, `function hear: 1 dropped`, "drop", "--key", `{"id":{"S":"grace"}}`)
	write(t, ".", "app.py", "def handler(event, context):\n    open('heard', 'a').write(event['Records'][0]['dynamodb']['Keys']['id']['S'])\n")
	run(statusOK, "function hear: 1 changes taken, 0 failed again", "redrive", "--mapping", "hear")
	if _, out, _ := execute(t.Context(), "parked", "ls"); out != "" {
		t.Errorf("left: %s", out)
	}
	says(t, "mappings ls", "0 delivered, 0 filtered, 2 parked, 0 to the destination, 0 skipped, 0 gaps, 1 redriven, 1 dropped")
	if text, err := os.ReadFile(filepath.Join(".", "heard")); err != nil || string(text) != "ada" {
		t.Errorf("heard %q %v", text, err)
	}
}
