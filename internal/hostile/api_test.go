package hostile

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsapi/lambda"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// A call is one operation of a service of AWS, or a page of the node.
type call struct{ method, path, target, contentType string }

const json10, json11 = "application/x-amz-json-1.0", "application/x-amz-json-1.1"

// calls returns every operation that a node offers, in an order that never
// changes, and the node's own pages.
func calls() (out []call) {
	for _, o := range dynamodb.Operations() {
		out = append(out, call{http.MethodPost, "/", "DynamoDB_20120810." + o.Name, json10})
	}
	for _, name := range []string{"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"} {
		out = append(out, call{http.MethodPost, "/", "DynamoDBStreams_20120810." + name, json10})
	}
	for _, o := range eventbridge.Operations() {
		out = append(out, call{http.MethodPost, "/", "AWSEvents." + o.Name, json11})
	}
	for _, o := range lambda.Operations() {
		if o.Status != awsjson.None {
			out = append(out, call{method: o.Run.Method, path: o.Run.Path, contentType: "application/json"})
		}
	}
	for _, page := range []string{
		"explain", "dry-run", "parked", "parked/redrive", "parked/drop", "backfill", "mappings", "dead-letters", "dead-letters/redrive", "dead-letters/drop",
		"events/get", "buses", "rules", "targets", "nothing",
	} {
		out = append(out, call{method: http.MethodPost, path: "/_api/v1/" + page, contentType: "application/json"})
	}
	for _, page := range []string{"/healthz", "/readyz", "/metrics", "/_api/v1/status", "/"} {
		out = append(out, call{method: http.MethodGet, path: page})
	}
	return out
}

// bodies are requests that some operation takes, for the fuzz test and the clients
// to change.
var bodies = []string{
	`{"TableName":"users","Key":{"id":{"S":"a"}},"UpdateExpression":"SET a.b[0] = if_not_exists(q, :v) ADD c :n","ConditionExpression":"size(#p) > :n","ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":v":{"S":"x"},":n":{"N":"1"}},"ReturnValues":"ALL_NEW"}`,
	`{"TableName":"users","Item":{"id":{"S":"a"},"n":{"N":"1.5e3"},"ss":{"SS":["x","y"]},"m":{"M":{"l":{"L":[{"BOOL":true},{"NULL":true},{"B":"AAE="}]}}}}}`,
	`{"TableName":"users","IndexName":"by-n","KeyConditionExpression":"n = :n","ExpressionAttributeValues":{":n":{"S":"1"}},"Limit":2,"ExclusiveStartKey":{"id":{"S":"a"},"n":{"S":"1"}}}`,
	`{"RequestItems":{"users":[{"PutRequest":{"Item":{"id":{"S":"b"}}}},{"DeleteRequest":{"Key":{"id":{"S":"c"}}}}]}}`, `{"RequestItems":{"users":{"Keys":[{"id":{"S":"a"}}],"ProjectionExpression":"id"}}}`,
	`{"TransactItems":[{"Put":{"TableName":"users","Item":{"id":{"S":"t"}}}},{"ConditionCheck":{"TableName":"users","Key":{"id":{"S":"a"}},"ConditionExpression":"attribute_exists(id)"}}],"ClientRequestToken":"t"}`,
	`{"Statement":"SELECT * FROM \"users\".\"by-n\" WHERE n = ? AND begins_with(id, 'a')","Parameters":[{"S":"1"}],"NextToken":"AAAA","Limit":1}`, `{"Statements":[{"Statement":"DELETE FROM users WHERE id = 'a'"}]}`,
	`{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/x","ShardId":"shardId-00000000000000000001","ShardIteratorType":"AT_SEQUENCE_NUMBER","SequenceNumber":"100000000000000000001"}`, `{"ShardIterator":"x|1|AAAA","Limit":5}`,
	`{"Entries":[{"Source":"s","DetailType":"t","Detail":"{\"a\":[1,{}]}","Time":1e9,"Resources":["x"],"EventBusName":"main"}]}`,
	`{"Name":"r","EventPattern":"{\"a\":[{\"anything-but\":{\"prefix\":\"x\"}}]}","EventBusName":"main"}`, `{"Name":"s","ScheduleExpression":"cron(0 12 ? * MON#1 *)","NextToken":"MQ","Limit":1}`,
	`{"Rule":"r","EventBusName":"main","Targets":[{"Id":"1","Arn":"log:-","InputTransformer":{"InputPathsMap":{"a":"$.detail.x[0]"},"InputTemplate":"{\"a\":<a>}"}}]}`,
	`{"FunctionName":"f","EventSourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/x","StartingPosition":"LATEST","BatchSize":10,"Marker":"MQ","MaxItems":1}`,
	`{"table":"users","key":{"id":"a"},"sequence":"100000000000000000001","limit":3,"bus":"main","rule":"works","id":"x"}`, `{}`, `[]`, ``, `null`,
}

// Whatever is asked of whichever operation or page, the answer is no fault of the
// server, and the server lives.
func FuzzAPI(f *testing.F) {
	all := calls()
	_, base := servertest.Start(f, servertest.Options{Memory: true, Config: "tables: { users: { key: id, stream: new-image, indexes: { by-n: { key: n } } } }\nbuses: [main]\n"})
	client := &http.Client{Transport: &http.Transport{}}
	f.Cleanup(client.CloseIdleConnections)
	for i := range all {
		f.Add(uint16(i), "name", "Marker=MQ&MaxItems=2", []byte(bodies[i%len(bodies)]))
	}
	f.Fuzz(func(t *testing.T, which uint16, name, query string, body []byte) {
		c := all[int(which)%len(all)]
		if strings.HasSuffix(c.path, "events/tail") {
			return // it lasts
		}
		status, answer := c.do(t, client, base, name, query, body)
		unready := status == http.StatusServiceUnavailable && c.path == "/readyz"
		if status >= http.StatusInternalServerError && !unready {
			t.Errorf("%s %s%s %q: %d %.300s", c.method, c.target, c.path, body, status, answer)
		}
	})
}

// do sends the request and returns the answer. The name stands for each parameter
// of the path.
func (c call) do(t *testing.T, client *http.Client, base, name, query string, body []byte) (int, string) {
	t.Helper()
	path := c.path
	for {
		begin, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		if begin < 0 {
			break
		}
		path = path[:begin] + url.PathEscape(name) + path[end+1:]
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, base+path, bytes.NewReader(body))
	if err != nil {
		return 0, ""
	}
	if c.target == "" {
		req.URL.RawQuery = (&url.URL{RawQuery: query}).Query().Encode()
	}
	req.Header.Set("Content-Type", c.contentType)
	if c.target != "" {
		req.Header.Set("X-Amz-Target", c.target)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
