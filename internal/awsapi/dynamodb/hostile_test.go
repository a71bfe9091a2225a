package dynamodb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// corpus has a valid request of each operation that is offered.
var corpus = []struct{ op, body string }{
	{"CreateTable", createLines},
	{"DescribeTable", `{"TableName":"lines"}`},
	{"ListTables", `{"Limit":3,"ExclusiveStartTableName":"aaa"}`},
	{"UpdateTable", `{"TableName":"lines","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"},"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}`},
	{"DescribeTimeToLive", `{"TableName":"lines"}`},
	{"DescribeContinuousBackups", `{"TableName":"lines"}`},
	{"DescribeLimits", `{}`},
	{"PutItem", `{"TableName":"lines","Item":{"pk":{"S":"a"},"sk":{"N":"1.50"},"b":{"B":"AAECAw=="},"m":{"M":{"l":{"L":[{"BOOL":true},{"NULL":true}]}}},"ss":{"SS":["x","y"]}},"ConditionExpression":"attribute_not_exists(#p) OR sk > :n","ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":n":{"N":"0"}},"ReturnValues":"ALL_OLD","ReturnConsumedCapacity":"INDEXES"}`},
	{"UpdateItem", `{"TableName":"lines","Key":{"pk":{"S":"a"},"sk":{"N":"1.5"}},"UpdateExpression":"SET m.l[0] = if_not_exists(q, :v), z = :v ADD c :n REMOVE b","ExpressionAttributeValues":{":v":{"S":"x"},":n":{"N":"1"}},"ReturnValues":"UPDATED_NEW"}`},
	{"DeleteItem", `{"TableName":"lines","Key":{"pk":{"S":"a"},"sk":{"N":"9"}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD","ConditionExpression":"size(pk) > :n","ExpressionAttributeValues":{":n":{"N":"7"}}}`},
	{"GetItem", `{"TableName":"lines","Key":{"pk":{"S":"a"},"sk":{"N":"1.5"}},"ProjectionExpression":"pk, m.l[0]","ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"}`},
	{"Query", `{"TableName":"lines","KeyConditionExpression":"pk = :p AND sk BETWEEN :a AND :b","FilterExpression":"contains(ss, :x)","ExpressionAttributeValues":{":p":{"S":"a"},":a":{"N":"0"},":b":{"N":"9"},":x":{"S":"x"}},"Limit":2,"ScanIndexForward":false,"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"N":"3"}}}`},
	{"Scan", `{"TableName":"lines","Segment":1,"TotalSegments":4,"Select":"COUNT","FilterExpression":"attribute_type(b, :t)","ExpressionAttributeValues":{":t":{"S":"B"}}}`},
	{"BatchWriteItem", `{"RequestItems":{"lines":[{"PutRequest":{"Item":{"pk":{"S":"b"},"sk":{"N":"1"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"b"},"sk":{"N":"2"}}}}]}}`},
	{"BatchGetItem", `{"RequestItems":{"lines":{"Keys":[{"pk":{"S":"a"},"sk":{"N":"1.5"}}],"ProjectionExpression":"pk"}}}`},
	{"TransactWriteItems", `{"TransactItems":[]}`},
}

// pieces are put into requests by the mutations.
var pieces = []string{
	`{`, `}`, `[`, `]`, `"`, `,`, `:`, `null`, `true`, `-1`, `1e999`, `99999999999999999999`, `0.5`, `{}`, `[]`, `""`, `"\ud800"`, "\x00", "\xff", `\`, `{"S":`, `{"N":"`,
	`"#p"`, `":n"`, `(((((`, `AND`, `NOT `, `SET `, `[99999999999]`, `"TableName"`, `{"L":[{"L":[{"L":[`, `{"M":{"a":`,
}

// mutate changes a request in up to three places.
func mutate(r *rand.Rand, body string) string {
	b := []byte(body)
	for range r.IntN(3) + 1 {
		i := r.IntN(len(b) + 1)
		switch r.IntN(5) {
		case 0:
			b = append(b[:i:i], append([]byte(pieces[r.IntN(len(pieces))]), b[i:]...)...)
		case 1:
			b = b[:i]
		case 2:
			b = append(b[:i:i], b[min(len(b), i+1+r.IntN(8)):]...)
		case 3:
			if i < len(b) {
				b[i] = byte(r.UintN(256))
			}
		default:
			j := min(len(b), i+r.IntN(60))
			b = append(b[:j:j], append(bytes.Repeat(b[i:j], r.IntN(3)), b[j:]...)...)
		}
	}
	return string(b)
}

// Whatever a request says, the answer is a success or a client's error.
func TestMutatedRequests(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createLines)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	statuses := map[int]int{}
	for i := range 10_000 {
		c := corpus[i%len(corpus)]
		body := mutate(r, c.body)
		status, answer := n.Call(t, c.op, body)
		statuses[status]++
		if status != 200 && status != 400 || !strings.HasPrefix(answer, "{") {
			t.Errorf("%s %q: %d %s", c.op, body, status, answer)
		}
	}
	if statuses[200] == 0 || statuses[400] == 0 || n.Log.String() != "" {
		t.Errorf("statuses %v, log %s", statuses, n.Log)
	}
}

func TestBombs(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	nest := func(open, inner, end string, depth int) string {
		return `{"TableName":"users","Item":{"id":{"S":"u"},"x":` + strings.Repeat(open, depth) + inner + strings.Repeat(end, depth) + `}}`
	}
	for name, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"31 levels":              {nest(`{"L":[`, `{"S":"x"}`, `]}`, 31), 200, "{}"},
		"32 levels":              {nest(`{"L":[`, `{"S":"x"}`, `]}`, 32), 400, "Nesting Levels have exceeded supported limits"},
		"32 levels of maps":      {nest(`{"M":{"a":`, `{"S":"x"}`, `}}`, 32), 400, "Nesting Levels have exceeded supported limits"},
		"a million levels":       {nest(`{"L":[`, `{"S":"x"}`, `]}`, 1_000_000), 400, "SerializationException"},
		"a million open":         {strings.Repeat(`[`, 1_000_000), 400, "SerializationException"},
		"unknown member, deep":   {`{"TableName":"users","Item":{"id":{"S":"u"}},"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 200, "{}"},
		"16 MB of empty maps":    {`{"x":[` + strings.TrimSuffix(strings.Repeat(`{},`, 5_000_000), ",") + `]}`, 400, "tableName"},
		"a million attributes":   {`{"TableName":"users","Item":{"id":{"S":"u"}` + many(`,"a%d":{"S":""}`, 100_000) + `}}`, 400, "Item size has exceeded"},
		"4096 parentheses":       {`{"TableName":"users","Item":{"id":{"S":"u"}},"ConditionExpression":"` + strings.Repeat("(", 4096) + `"}`, 400, "Invalid ConditionExpression"},
		"a number of a megabyte": {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"N":"` + strings.Repeat("9", 1<<20) + `"}}}`, 400, "Number overflow"},
		"an exponent too far":    {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"N":"1e999999999999999999"}}}`, 400, "ValidationException"},
		"14 MB of numbers":       {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"NS":[` + strings.TrimSuffix(strings.Repeat(`"1",`, 3_500_000), ",") + `]}}}`, 400, "Item size has exceeded"},
		"14 MB of lists":         {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"L":[` + strings.TrimSuffix(strings.Repeat(`{"L":[]},`, 1_500_000), ",") + `]}}}`, 400, "Item size has exceeded"},
		"one string twice":       {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"SS":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 1000)+`",`, 300), ",") + `]}}}`, 400, `xxx...\", \"...\"] contains duplicates`},
		"no number at length":    {`{"TableName":"users","Item":{"id":{"S":"u"},"n":{"N":"` + strings.Repeat("x", 1<<20) + `"}}}`, 400, `xxx..."`},
		"no capacity at length":  {`{"TableName":"users","Item":{"id":{"S":"u"}},"ReturnConsumedCapacity":"` + strings.Repeat("x", 1<<20) + `"}`, 400, `xxx...' at`},
		"a limit beyond integer": {`{"TableName":"users","Limit":1e30}`, 400, ""},
	} {
		op := "PutItem"
		if strings.Contains(c.body, "Limit") {
			op = "Scan"
		}
		before := allocated()
		status, answer := n.Call(t, op, c.body)
		if status != c.status || !strings.Contains(answer, c.want) || len(answer) > 20_000 {
			t.Errorf("%s: %d %d bytes %.300s", name, status, len(answer), answer)
		}
		// The bodies are copied by the client and read into buffers that double.
		if made, limit := allocated()-before, uint64(5*len(c.body)+80<<20); made > limit {
			t.Errorf("%s: allocated %d MiB, more than %d", name, made>>20, limit>>20)
		}
	}
	if n.Log.String() != "" {
		t.Error(n.Log)
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// The time that a request takes grows with its length, not faster: these would
// take hours.
func TestManyNames(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", `{"TableName":"lines","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST",`+
		`"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"}],`+
		`"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`)
	names := strings.TrimPrefix(many(`,"a%d"`, 500_000), ",")
	updates := strings.TrimPrefix(many(`,"a%d":{"Action":"DELETE"}`, 200_000), ",")
	for _, c := range []struct{ op, body, want string }{
		{"GetItem", `{"TableName":"lines","Key":{"id":{"S":"a"}},"AttributesToGet":[` + names + `]}`, "{}"},
		{"Query", `{"TableName":"lines","IndexName":"by-g","KeyConditions":{"g":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"x"}]}},"AttributesToGet":[` + names + `]}`, "Global secondary index by-g does not project [a0, a1, "},
		{"UpdateItem", `{"TableName":"lines","Key":{"id":{"S":"a"}},"AttributeUpdates":{` + updates + `}}`, "{}"},
	} {
		if status, answer := n.Call(t, c.op, c.body); !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %.300s", c.op, status, answer)
		}
	}
}

func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// What is not even HTTP, or stops in the middle, costs its own connection.
func TestBrokenConnections(t *testing.T) {
	n := start(t, true)
	addr := strings.TrimPrefix(n.URL, "http://")
	const head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Type: application/x-amz-json-1.0\r\n"
	for _, text := range []string{
		"\x00\x01\x02", "GET", head + "Content-Length: 100\r\n\r\n{}", head + "Content-Length: -1\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", head + "X-Long: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"POST / HTTP/1.1\r\n\r\n", head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		// The server may hang up in the middle of the text.
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") || strings.HasPrefix(string(answer), "HTTP/1.1 500") {
			t.Errorf("%.60q: %s", text, answer)
		}
	}
	if got := n.Must(t, "ListTables", "{}"); got != `{"TableNames":[]}` {
		t.Error(got)
	}
}

// Any body of any operation is answered without a server's error.
func FuzzRequest(f *testing.F) {
	for i, c := range corpus {
		f.Add(i, []byte(c.body))
	}
	n := start(f, true)
	n.Must(f, "CreateTable", createLines)
	ops := dynamodb.Service(n.tables, "us-east-1").Ops
	mapError := dynamodb.Service(n.tables, "us-east-1").MapError
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		op := corpus[max(i%len(corpus), 0)].op
		out, err := ops[op].Run(t.Context(), body)
		if err == nil {
			return
		}
		var e *awsjson.Error
		if !errors.As(err, &e) {
			e = mapError(err)
		}
		if out != nil || e == nil || e.Status >= http.StatusInternalServerError {
			t.Errorf("%s %q: %q %v", op, body, out, err)
		}
	})
}
