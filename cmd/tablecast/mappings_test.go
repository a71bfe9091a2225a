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

// What a function fails on is listed, retried after a fix, or dropped.
func TestMappings(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id, stream: new-image } }\nfunctions: { hear: { handler: app.py, timeout: 20s } }\n")
	write(t, ".", "app.py", "def handler(event, context):\n    raise ValueError('no luck')\n")
	upHere(t)
	o, err := connect("")
	if err != nil {
		t.Fatal(err)
	}
	db, fn := dynamodb.New(o), lambda.New(lambda.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials})
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
		got, out, errOut := execute(t.Context(), append([]string{"mappings"}, args...)...)
		if got != status || !strings.Contains(out+errOut, want) {
			t.Errorf("mappings %v: status %d, want %d %q\n%s%s", args, got, status, want, out, errOut)
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
	run(statusOK, `hear {"id":{"S":"ada"}}: `, "parked")
	for want, args := range map[string][]string{
		`function hear {"id":{"S":"ada"}}: `: {"ls", "--table", "users", "--key", `{"id": "ada"}`}, `"eventName":"INSERT"`: {"show"}, "--key": {"ls", "--key", "{"},
	} {
		if _, out, errOut := execute(t.Context(), append([]string{"parked"}, args...)...); !strings.Contains(out+errOut, want) || strings.Contains(out, "grace") != (args[0] == "show") {
			t.Errorf("parked %v printed %s%s", args, out, errOut)
		}
	}
	if _, out, _ := execute(t.Context(), "parked", "ls", "--table", "others"); out != "" {
		t.Errorf("parked of another table: %s", out)
	}
	run(statusUsage, "--uuid or --item, or --all", "retry")
	run(statusUsage, "--item {", "retry", "--item", "{")
	run(statusUsage, "no such mapping", "parked", "--uuid", "none")
	run(statusFailed, "no luck", "retry", "--all")
	run(statusOK, `hear {"id":{"S":"grace"}}: done`, "drop", "--item", `{"id":{"S":"grace"}}`)
	write(t, ".", "app.py", "def handler(event, context):\n    open('heard', 'a').write(event['Records'][0]['dynamodb']['Keys']['id']['S'])\n")
	run(statusOK, `hear {"id":{"S":"ada"}}: done`, "retry", "--all")
	if _, out, _ := execute(t.Context(), "mappings", "parked"); out != "" {
		t.Errorf("left: %s", out)
	}
	if text, err := os.ReadFile(filepath.Join(".", "heard")); err != nil || string(text) != "ada" {
		t.Errorf("heard %q %v", text, err)
	}
}
