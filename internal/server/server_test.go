package server_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	eb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsapi/lambda"
	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// serve runs a node behind a server.
func serve(t *testing.T, o server.Options) (*tablecast.Node, string) {
	t.Helper()
	return servertest.Start(t, servertest.Options{Server: o})
}

func post(t *testing.T, url, target, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(out)
}

const usersTable = `{"TableName":"users","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"`

// Each request, and what the answer must hold, in order on one node.
func TestWire(t *testing.T) {
	_, url := serve(t, server.Options{})
	const d, s, e = "DynamoDB_20120810.", "DynamoDBStreams_20120810.", "AWSEvents."
	for _, c := range []struct{ target, body, want string }{
		{d + "CreateTable", usersTable + `,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`, `"TableStatus":"ACTIVE"`},
		{d + "CreateTable", usersTable + `}`, `ResourceInUseException","message":"Table already exists: users"`},
		{d + "DescribeTable", `{"TableName":"x!"}`, `TableName must be at least 3 characters long and at most 255 characters long`},
		{d + "DescribeTable", `{"TableName":"nobody"}`, `Requested resource not found: Table: nobody not found`},
		{d + "PutItem", `{"TableName":"nobody","Item":{"id":{"S":"x"}}}`, `"message":"Requested resource not found"`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"S":"u1"},"n":{"N":"1"}}}`, `{}`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"S":"u1"}},"ConditionExpression":"attribute_not_exists(id)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, `{"Item":{"id":{"S":"u1"},"n":{"N":"1"}},"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"S":"u1"}},"ReturnValues":"ALL_NEW"}`, `ReturnValues can only be ALL_OLD or NONE`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"S":"u1"}},"ExpressionAttributeNames":{"#a":"b"}}`, `ExpressionAttributeNames can only be specified when using expressions`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"N":"abc"}}}`, `The parameter cannot be converted to a numeric value: abc`},
		{d + "PutItem", `{"TableName":"users","Item":{"id":{"S":1}}}`, `SerializationException`},
		{d + "PutItem", `{"TableName":"users","Item":`, `SerializationException`},
		{d + "UpdateItem", `{"TableName":"users","Key":{"id":{"S":"u1"}},"UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"41"}},"ReturnValues":"UPDATED_NEW"}`, `{"Attributes":{"n":{"N":"42"}}}`},
		{d + "GetItem", `{"TableName":"users","Key":{"id":{"S":"u1"}},"ReturnConsumedCapacity":"TOTAL"}`, `{"Item":{"id":{"S":"u1"},"n":{"N":"42"}},"ConsumedCapacity":{"TableName":"users","CapacityUnits":0.5}}`},
		{d + "GetItem", `{"TableName":"users","Key":{"x":{"S":"u1"}}}`, `The provided key element does not match the schema`},
		{d + "Query", `{"TableName":"users"}`, `Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.`},
		{d + "Query", `{"TableName":"users","KeyConditionExpression":"id = :i","ExpressionAttributeValues":{":i":{"S":"u1"}},"Select":"COUNT"}`, `{"Count":1,"ScannedCount":1}`},
		{d + "Scan", `{"TableName":"users","Limit":1}`, `"Count":1,"ScannedCount":1,"LastEvaluatedKey":{"id":{"S":"u1"}}}`},
		{d + "BatchWriteItem", `{"RequestItems":{"users":[{"PutRequest":{"Item":{"id":{"S":"a"}}}},{"DeleteRequest":{"Key":{"id":{"S":"a"}}}}]}}`, `Provided list of item keys contains duplicates`},
		{d + "BatchWriteItem", `{"RequestItems":{"users":[{"PutRequest":{"Item":{"id":{"S":"a"}}}},{"DeleteRequest":{"Key":{"id":{"S":"u1"}}}}]}}`, `{"UnprocessedItems":{}}`},
		{d + "UpdateTable", `{"TableName":"users","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}`, `Table already has an enabled stream`},
		{d + "CreateGlobalTable", `{}`, `UnknownOperationException`},
		{s + "ListStreams", `{"TableName":"users"}`, `"TableName":"users"`},
		{s + "ListStreams", `{"Limit":101}`, `ValidationException`},
		{s + "DescribeStream", `{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/x/stream/2015-05-20T20:51:10.252"}`, `Requested resource not found: Stream: arn:aws:dynamodb:us-east-1:000000000000:table/x/stream/2015-05-20T20:51:10.252 not found`},
		{s + "GetRecords", `{"ShardIterator":"x"}`, `Invalid ShardIterator`},
		{e + "CreateEventBus", `{"Name":"main"}`, `{"EventBusArn":"arn:aws:events:us-east-1:000000000000:event-bus/main"}`},
		{e + "CreateEventBus", `{"Name":"main"}`, `{"__type":"ResourceAlreadyExistsException","message":"Event bus main already exists."}`},
		{e + "DeleteEventBus", `{"Name":"default"}`, `Cannot delete event bus default.`},
		{e + "DeleteEventBus", `{"Name":"nobody"}`, `{}`},
		{e + "PutRule", `{"Name":"r","EventBusName":"main","EventPattern":"{\"a\":1}"}`, `Event pattern is not valid. Reason: \"a\" must be an object or an array`},
		{e + "PutRule", `{"Name":"r","EventBusName":"nobody","EventPattern":"{\"a\":[1]}"}`, `Event bus nobody does not exist.`},
		{e + "PutRule", `{"Name":"r","EventBusName":"main"}`, `Parameter(s) EventPattern or ScheduleExpression must be specified.`},
		{e + "PutRule", `{"Name":"r","EventBusName":"main","EventPattern":"{\"source\":[\"s\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/main/r"}`},
		{e + "PutTargets", `{"Rule":"r","EventBusName":"main","Targets":[{"Id":"1","Arn":"command:[\"rm\"]"}]}`, `a command is allowed only in the server`},
		{e + "PutTargets", `{"Rule":"r","EventBusName":"main","Targets":[{"Id":"1","Arn":"log:a","Input":"{}","InputPath":"$.detail"}]}`, `Only one of Input, InputPath, or InputTransformer must be provided for target 1.`},
		{e + "PutTargets", `{"Rule":"r","EventBusName":"main","Targets":[{"Id":"1","Arn":"log:a","RetryPolicy":{"MaximumEventAgeInSeconds":3600}}]}`, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{e + "ListTargetsByRule", `{"Rule":"r","EventBusName":"main"}`, `{"Targets":[{"Id":"1","Arn":"log:a","RetryPolicy":{"MaximumEventAgeInSeconds":3600}}]}`},
		{e + "DeleteRule", `{"Name":"r","EventBusName":"main"}`, `Rule can't be deleted since it has targets.`},
		{e + "RemoveTargets", `{"Rule":"r","EventBusName":"main","Ids":["2"]}`, `Rule 'r' does not have a target with the Id '2'.`},
		{e + "DescribeRule", `{"Name":"q","EventBusName":"main"}`, `Rule q does not exist on EventBus main.`},
		{e + "PutEvents", `{"Entries":[]}`, `at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{e + "PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"[]"},{"Source":"aws.x","DetailType":"t","Detail":"{}"},{"DetailType":"t","Detail":"{}"}]}`, `{"FailedEntryCount":3,"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."},{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"Not authorized for the source."},{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Source is not valid. Reason: Source is a required argument."}]}`},
		{e + "TestEventPattern", `{"EventPattern":"{\"source\":[\"s\"]}","Event":"{}"}`, `Parameter Event is not valid.`},
		{e + "CreateArchive", `{}`, `2 validation errors detected`},
		{e + "ListEndpoints", `{}`, `UnknownOperationException`},
		{d + "DeleteTable", `{"TableName":"users"}`, `"TableStatus":"DELETING"`},
	} {
		status, header, body := post(t, url, c.target, c.body)
		if !strings.Contains(body, c.want) {
			t.Errorf("%s %s:\n got %d %s\nwant %s", c.target, c.body, status, body, c.want)
		}
		if isError := strings.Contains(body, `"__type"`); isError != (status >= 400) {
			t.Errorf("%s: status %d with %s", c.target, status, body)
		}
		if crc := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10); header.Get("X-Amz-Crc32") != crc || len(header.Get("X-Amzn-Requestid")) != 52 {
			t.Errorf("%s: headers %v, crc %s", c.target, header, crc)
		}
	}
}

// The AWS SDK for Go understands answers and errors.
func TestSDK(t *testing.T) {
	node, url := serve(t, server.Options{})
	tables := ddb.NewFromConfig(apitest.Config(url))
	events := eb.NewFromConfig(apitest.Config(url))
	ctx := t.Context()
	_, err := tables.CreateTable(ctx, &ddb.CreateTableInput{
		TableName: aws.String("lines"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tables.GetItem(ctx, &ddb.GetItemInput{TableName: aws.String("nobody"), Key: map[string]types.AttributeValue{"a": &types.AttributeValueMemberS{Value: "x"}}})
	if missing := (*types.ResourceNotFoundException)(nil); !errors.As(err, &missing) {
		t.Errorf("get from a missing table: %v", err)
	}
	for i := range 7 {
		_, err := tables.PutItem(ctx, &ddb.PutItemInput{TableName: aws.String("lines"), Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "p"}, "sk": &types.AttributeValueMemberN{Value: strconv.Itoa(i)}, "b": &types.AttributeValueMemberB{Value: []byte{0, 255}},
			"s": &types.AttributeValueMemberNS{Value: []string{"2", "1"}}, "m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"x": &types.AttributeValueMemberNULL{Value: true}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	pages := ddb.NewQueryPaginator(tables, &ddb.QueryInput{
		TableName: aws.String("lines"), Limit: aws.Int32(2), KeyConditionExpression: aws.String("pk = :p AND sk >= :s"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "p"}, ":s": &types.AttributeValueMemberN{Value: "2"}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		found += len(page.Items)
	}
	if found != 5 {
		t.Errorf("query found %d", found)
	}
	out, err := events.PutEvents(ctx, &eb.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{
		{Source: aws.String("s"), DetailType: aws.String("t"), Detail: aws.String(`{"a": 1}`), Time: aws.Time(time.Unix(1700000000, 0))},
		{Source: aws.String("s"), DetailType: aws.String("t"), Detail: aws.String(`{}`), EventBusName: aws.String("nobody")},
	}})
	if err != nil || out.FailedEntryCount != 0 || out.Entries[1].EventId == nil || node.Buses().Lost() != 1 {
		t.Errorf("put events: %+v, %v, lost %d", out, err, node.Buses().Lost())
	}
}

// P9: what others can reach needs keys and TLS; with keys, only their holders
// are served.
func TestClosedByDefault(t *testing.T) {
	for _, o := range []server.Options{{Listen: "0.0.0.0:0"}, {Listen: "[::]:0"}, {Listen: ":0"}, {Listen: "0.0.0.0:0", Keys: servertest.Keys{"a": "b"}}, {Listen: "0.0.0.0:0", Cert: "x", Key: "y"}} {
		if ln, err := server.Listen(o); !errors.Is(err, server.ErrExposed) {
			t.Errorf("%+v: %v, %v", o, ln, err)
		}
	}
	_, url := serve(t, server.Options{Keys: servertest.Keys{"AKID": "secret"}})
	for key, secret := range map[string]string{"AKID": "secret", "AKID2": "secret", "AKID ": "wrong"} {
		client := ddb.New(ddb.Options{
			BaseEndpoint: aws.String(url), Region: "us-east-1", RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(strings.TrimSpace(key), secret, ""),
		})
		_, err := client.ListTables(t.Context(), &ddb.ListTablesInput{})
		if good := key == "AKID"; good != (err == nil) {
			t.Errorf("key %q, secret %q: %v", key, secret, err)
		}
	}
	if status, _, body := post(t, url, "DynamoDB_20120810.ListTables", "{}"); status != 400 || !strings.Contains(body, "MissingAuthenticationToken") {
		t.Errorf("no signature: %d %s", status, body)
	}
}

func TestHealthAndHosts(t *testing.T) {
	_, url := serve(t, server.Options{})
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/_api/v1/status": "relays", "/": "healthy: dynamodb.us-east-1.amazonaws.com "} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	req.Host = "evil.example.com"
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign host name was served: %d", resp.StatusCode)
	}
}

// Pages of an origin that the options or the file name may call the APIs, those of any
// other may not; a file that is put into effect later counts from then on.
func TestOrigins(t *testing.T) {
	file := func(origins string) *config.File {
		t.Helper()
		f, err := config.Parse("tablecast.yaml", []byte("cors: "+origins+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	node, url := servertest.Start(t, servertest.Options{Server: server.Options{Origins: []string{"http://localhost:3000"}}, Config: "cors: [http://localhost:4000]\n"})
	allowed := func(origin string) bool {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": "cross-site", "X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		shown := resp.Header.Get("Access-Control-Allow-Origin") == origin
		if shown != (resp.StatusCode == 200) {
			t.Errorf("%s: status %d, shown: %v", origin, resp.StatusCode, shown)
		}
		return shown
	}
	for origin, want := range map[string]bool{"http://localhost:3000": true, "http://localhost:4000": true, "http://localhost:5000": false} {
		if got := allowed(origin); got != want {
			t.Errorf("%s is allowed: %v", origin, got)
		}
	}
	if err := node.Reload(t.Context(), file("[http://localhost:5000]")); err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{"http://localhost:3000": true, "http://localhost:4000": false, "http://localhost:5000": true} {
		if got := allowed(origin); got != want {
			t.Errorf("%s is allowed by the next file: %v", origin, got)
		}
	}
}

// No request, however broken, ends the process or is answered as our fault.
func TestHostileRequests(t *testing.T) {
	_, url := serve(t, server.Options{})
	post(t, url, "DynamoDB_20120810.CreateTable", usersTable+`}`)
	seeds := []struct{ target, body string }{
		{"DynamoDB_20120810.PutItem", `{"TableName":"users","Item":{"id":{"S":"u"},"l":{"L":[{"N":"1"},{"M":{"x":{"SS":["a"]}}}]}},"ConditionExpression":"a = :b AND contains(c, :b)","ExpressionAttributeValues":{":b":{"S":"x"}}}`},
		{"DynamoDB_20120810.UpdateItem", `{"TableName":"users","Key":{"id":{"S":"u"}},"UpdateExpression":"SET a.b[0] = if_not_exists(c, :b) + :b","ExpressionAttributeValues":{":b":{"N":"1"}}}`},
		{"DynamoDB_20120810.Scan", `{"TableName":"users","FilterExpression":"(a = :b) OR NOT c IN (:b)","ExpressionAttributeValues":{":b":{"N":"1e99"}},"Limit":10}`},
		{"DynamoDBStreams_20120810.GetRecords", `{"ShardIterator":"arn:aws:dynamodb:us-east-1:000000000000:table/x|1|AAAAAAAAAAAAAAAAAAAAAAAA","Limit":5}`},
		{"AWSEvents.PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{\"a\":[1,{}]}","Time":1e9,"Resources":["x"]}]}`},
		{"AWSEvents.PutRule", `{"Name":"r","EventPattern":"{\"a\":[{\"anything-but\":{\"prefix\":\"x\"}},{\"numeric\":[\">\",1]}],\"$or\":[{\"b\":[1]},{\"c\":[2]}]}"}`},
		{"DynamoDB_20120810.PutItem", strings.Repeat(`{"a":`, 5000)},
		{"DynamoDB_20120810.GetItem", `{"TableName":"users","Key":` + strings.Repeat(`[`, 20000)},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		s := seeds[i%len(seeds)]
		body := []byte(s.body)
		for range r.IntN(4) {
			at := r.IntN(len(body))
			switch r.IntN(4) {
			case 0:
				body[at] = byte(r.IntN(256))
			case 1:
				body = append(body[:at:at], body[min(at+1+r.IntN(5), len(body)):]...)
			case 2:
				end := min(at+r.IntN(20), len(body))
				body = append(append(append([]byte{}, body[:end]...), body[at:end]...), body[end:]...)
			default:
				body = append(body[:at:at], append([]byte(`"null]}`[r.IntN(7):][:1]), body[at:]...)...)
			}
			if len(body) == 0 {
				body = []byte("{")
			}
		}
		if status, _, answer := post(t, url, s.target, string(body)); status >= 500 {
			t.Fatalf("%s %s: %d %s", s.target, body, status, answer)
		}
	}
}

// docs/compat.md has the row of each operation, and names no other as offered.
func TestCompatibilityList(t *testing.T) {
	text, err := os.ReadFile("../../docs/compat.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\w+) \| (?:full|partial) \|`).FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = true
	}
	offered := map[string]bool{}
	check := func(name string, status awsjson.Status, note string) {
		offered[name] = offered[name] || status != awsjson.None
		if row := fmt.Sprintf("| %s | %s | %s |\n", name, status, note); !strings.Contains(string(text), row) {
			t.Errorf("docs/compat.md lacks the row %s", row)
		}
	}
	for _, o := range dynamodb.Operations() {
		check(o.Name, o.Status, o.Note)
	}
	for _, o := range streams.Operations() {
		check(o.Name, o.Status, o.Note)
	}
	for _, o := range eventbridge.Operations() {
		check(o.Name, o.Status, o.Note)
	}
	for _, o := range lambda.Operations() {
		check(o.Name, o.Status, o.Note)
	}
	for op, ok := range offered {
		if ok != listed[op] {
			t.Errorf("%s: offered %v, listed %v", op, ok, listed[op])
		}
	}
	for op := range listed {
		if !offered[op] {
			t.Errorf("%s is listed and not offered", op)
		}
	}
}
