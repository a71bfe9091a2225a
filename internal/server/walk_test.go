package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsapi/lambda"
	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/local"
)

// A door is one operation of a service, or one page of the node.
type door struct {
	name, method, path, target, service string
}

// doors lists what a node's server is made of: a new operation or page cannot escape
// the test.
func doors(node *tablecast.Node) (out []door) {
	for _, svc := range []awsjson.Service{
		dynamodb.Service(node.Tables(), local.Region), streams.Service(node.Streams(), local.Account, local.Region), eventbridge.Service(node.Buses(), node.Connections()),
	} {
		for op := range svc.Ops {
			out = append(out, door{op, http.MethodPost, "/", svc.TargetPrefix + "." + op, svc.SigningName})
		}
	}
	braces := regexp.MustCompile(`\{\w+\}`)
	svc := lambda.Service(node.Functions(), node.EventSources())
	for _, rt := range svc.Routes {
		path := strings.ReplaceAll(rt.Path, "{ARN}", url.PathEscape(node.Functions().ARN("f")))
		out = append(out, door{rt.Method + " " + rt.Path, rt.Method, braces.ReplaceAllString(path, "f"), "", svc.SigningName})
	}
	for _, p := range pages(node, "", &metrics{}, nil, nil) {
		if method, path, _ := strings.Cut(p.Pattern, " "); !p.Open {
			out = append(out, door{p.Pattern, method, path, "", awsjson.PageService})
		}
	}
	return out
}

// held are the keys of a closed node, by their ids.
type held struct{ sync.Map }

func hold(all ...keys.Key) *held {
	h := &held{}
	for _, k := range all {
		h.Store(k.ID, k)
	}
	return h
}

func (h *held) Closed() bool { return true }

func (h *held) Find(id string) (keys.Key, bool) {
	k, ok := h.Load(id)
	if !ok {
		return keys.Key{}, false
	}
	return k.(keys.Key), true
}

// closedNode runs a node with keys until the test ends, and returns its URL.
func closedNode(t *testing.T, h *held) (*tablecast.Node, string) {
	t.Helper()
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Listen: "127.0.0.1:0", Keys: h}
	ln, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, node, ln, o, time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, node.Close()); err != nil {
			t.Error(err)
		}
	})
	return node, "http://" + ln.Addr().String()
}

// walkBody names one of each resource, so that each operation finds what it needs a
// permission for.
const walkBody = `{"TableName":"orders","Name":"n","Rule":"r","FunctionName":"f","Statement":"SELECT * FROM orders","Entries":[{}]}`

// knock sends a request to a door, signed if there is an id, and returns the answer.
func knock(t *testing.T, at string, d door, id, secret string, after func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	body := walkBody
	if d.method == http.MethodGet {
		body = ""
	}
	r, err := http.NewRequestWithContext(t.Context(), d.method, at+d.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if d.target != "" {
		r.Header.Set("X-Amz-Target", d.target)
	}
	if id != "" {
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), d.service, local.Region, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if after != nil {
		after(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

// Nobody reaches an operation of a service or a page of a closed node without a key
// that is allowed to: each is refused with AWS's error, and nothing else is said.
func TestEveryDoor(t *testing.T) {
	none := []keys.Grant{{Actions: []string{"dynamodb:NoSuch*"}, Resources: []string{"*"}}}
	elsewhere := []keys.Grant{{Actions: []string{"*"}, Resources: []string{"arn:aws:dynamodb:us-east-1:000000000000:table/other"}}}
	node, at := closedNode(t, hold(
		keys.Key{ID: "GOOD", Name: "good", Secret: "s", Allow: []keys.Grant{keys.Everything}},
		keys.Key{ID: "LATE", Name: "late", Secret: "s", Expires: time.Now().Add(-time.Second), Allow: []keys.Grant{keys.Everything}},
		keys.Key{ID: "LOW", Name: "low", Secret: "s", Allow: none},
		keys.Key{ID: "ELSE", Name: "else", Secret: "s", Allow: elsewhere},
	))
	all := doors(node)
	if len(all) < 150 {
		t.Fatalf("%d doors", len(all))
	}
	otherBody := func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(walkBody+" "))), int64(len(walkBody)+1)
	}
	for _, c := range []struct {
		name, id, secret, want string
		after                  func(*http.Request)
	}{
		{"no credentials", "", "", "MissingAuthenticationTokenException", nil},
		{"unknown key", "NOBODY", "s", "UnrecognizedClientException", nil},
		{"wrong secret", "GOOD", "x", "InvalidSignatureException", nil},
		{"expired key", "LATE", "s", "ExpiredTokenException", nil},
		{"another body", "GOOD", "s", "InvalidSignatureException", otherBody},
		{"another date", "GOOD", "s", "InvalidSignatureException", func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
		}},
		{"other actions", "LOW", "s", "AccessDeniedException", nil},
		{"other resources", "ELSE", "s", "AccessDeniedException", nil},
	} {
		for _, d := range all {
			status, header, text := knock(t, at, d, c.id, c.secret, c.after)
			if err := refused(d, status, header, text, c.want); err != nil {
				t.Errorf("%s: %s: %v: %d %s", d.name, c.name, err, status, text)
			}
		}
	}
}

// refused reports whether an answer is a refusal in the shape of its service.
func refused(d door, status int, header http.Header, text, want string) error {
	rest := d.path != "/"
	if wanted := map[bool]int{false: http.StatusBadRequest, true: http.StatusForbidden}[rest]; status != wanted {
		return fmt.Errorf("status is not %d", wanted)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	kind, _ := answer["__type"].(string)
	if rest && kind == "" {
		kind = header.Get("X-Amzn-Errortype")
	}
	if kind != want && !strings.HasSuffix(kind, "#"+want) {
		return fmt.Errorf("%q is not %s", kind, want)
	}
	for name := range answer {
		switch name {
		case "__type", "message", "Message", "Type":
		default:
			return fmt.Errorf("the answer has %s", name)
		}
	}
	if want == "AccessDeniedException" && !strings.Contains(text, " because no identity-based policy allows the ") {
		return errors.New("the message is not AWS's")
	}
	return nil
}

// Each operation can be reached with its own action on the resource that it works on,
// and not with the same action on another.
func TestActions(t *testing.T) {
	const arn = "arn:aws:%s:us-east-1:000000000000:%s"
	h := hold()
	_, at := closedNode(t, h)
	post := func(service, target string) door { return door{target, http.MethodPost, "/", target, service} }
	const d, s, e = "DynamoDB_20120810.", "DynamoDBStreams_20120810.", "AWSEvents."
	for _, c := range []struct {
		door
		body  string
		needs []string // action, resource after the account; all are needed
	}{
		{post("dynamodb", d+"PutItem"), `{"TableName":"orders"}`, []string{"dynamodb:PutItem", "table/orders"}},
		{post("dynamodb", d+"PutItem"), `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/orders"}`, []string{"dynamodb:PutItem", "table/orders"}},
		{post("dynamodb", d+"PutItem"), `{"TableName":"arn:aws:dynamodb:eu-west-1:111111111111:table/orders"}`, []string{"dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:111111111111:table/orders"}},
		{post("dynamodb", d+"Query"), `{"TableName":"orders"}`, []string{"dynamodb:Query", "table/orders"}},
		{post("dynamodb", d+"Scan"), `{"TableName":"orders","IndexName":"byDate"}`, []string{"dynamodb:Scan", "table/orders/index/byDate"}},
		{post("dynamodb", d+"BatchGetItem"), `{"RequestItems":{"a":{"Keys":[]},"b":{"Keys":[]}}}`, []string{"dynamodb:BatchGetItem", "table/a", "dynamodb:BatchGetItem", "table/b"}},
		{post("dynamodb", d+"BatchWriteItem"), `{"RequestItems":{"a":[],"b":[]}}`, []string{"dynamodb:BatchWriteItem", "table/a", "dynamodb:BatchWriteItem", "table/b"}},
		{post("dynamodb", d+"TransactGetItems"), `{"TransactItems":[{"Get":{"TableName":"a"}},{"Get":{"TableName":"b"}}]}`, []string{"dynamodb:GetItem", "table/a", "dynamodb:GetItem", "table/b"}},
		{post("dynamodb", d+"TransactWriteItems"), `{"TransactItems":[{"Put":{"TableName":"a"}},{"Update":{"TableName":"b"}},{"Delete":{"TableName":"c"}},{"ConditionCheck":{"TableName":"d"}}]}`,
			[]string{"dynamodb:PutItem", "table/a", "dynamodb:UpdateItem", "table/b", "dynamodb:DeleteItem", "table/c", "dynamodb:ConditionCheckItem", "table/d"}},
		{post("dynamodb", d+"ExecuteStatement"), `{"Statement":"SELECT * FROM orders"}`, []string{"dynamodb:PartiQLSelect", "table/orders"}},
		{post("dynamodb", d+"ExecuteStatement"), `{"Statement":"SELECT * FROM \"orders\".\"byDate\""}`, []string{"dynamodb:PartiQLSelect", "table/orders/index/byDate"}},
		{post("dynamodb", d+"BatchExecuteStatement"), `{"Statements":[{"Statement":"INSERT INTO a VALUE {'id':'1'}"},{"Statement":"DELETE FROM b WHERE id='1'"}]}`, []string{"dynamodb:PartiQLInsert", "table/a", "dynamodb:PartiQLDelete", "table/b"}},
		{post("dynamodb", d+"ExecuteTransaction"), `{"TransactStatements":[{"Statement":"UPDATE a SET x=1 WHERE id='1'"},{"Statement":"EXISTS(SELECT * FROM b WHERE id='1')"}]}`, []string{"dynamodb:PartiQLUpdate", "table/a", "dynamodb:PartiQLSelect", "table/b"}},
		{post("dynamodb", d+"TagResource"), `{"ResourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/orders"}`, []string{"dynamodb:TagResource", "table/orders"}},
		{post("dynamodb", s+"DescribeStream"), `{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026"}`, []string{"dynamodb:DescribeStream", "table/orders/stream/2026"}},
		{post("dynamodb", s+"GetRecords"), `{"ShardIterator":"arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026|1|AAAA"}`, []string{"dynamodb:GetRecords", "table/orders/stream/2026"}},
		{post("dynamodb", s+"ListStreams"), `{"TableName":"orders"}`, []string{"dynamodb:ListStreams", "table/orders/stream/*"}},
		{post("events", e+"PutEvents"), `{"Entries":[{},{"EventBusName":"main"},{"EventBusName":"arn:aws:events:us-east-1:000000000000:event-bus/other"}]}`,
			[]string{"events:PutEvents", "event-bus/default", "events:PutEvents", "event-bus/main", "events:PutEvents", "event-bus/other"}},
		{post("events", e+"PutRule"), `{"Name":"r","EventBusName":"main"}`, []string{"events:PutRule", "rule/main/r"}},
		{post("events", e+"PutTargets"), `{"Rule":"r"}`, []string{"events:PutTargets", "rule/r"}},
		{post("events", e+"CreateArchive"), `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/main"}`, []string{"events:CreateArchive", "archive/a", "events:CreateArchive", "event-bus/main"}},
		{post("events", e+"StartReplay"), `{"ReplayName":"r","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/a","Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/main"}}`,
			[]string{"events:StartReplay", "replay/r", "events:StartReplay", "archive/a", "events:StartReplay", "event-bus/main"}},
		{post("events", e+"CreateApiDestination"), `{"Name":"d","ConnectionArn":"arn:aws:events:us-east-1:000000000000:connection/c/7"}`, []string{"events:CreateApiDestination", "api-destination/d", "events:CreateApiDestination", "connection/c"}},
		{post("events", e+"TagResource"), `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/main/r"}`, []string{"events:TagResource", "rule/main/r"}},
		{door{"Invoke", "POST", "/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST/invocations", "", "lambda"}, `{}`, []string{"lambda:InvokeFunction", "function:f"}},
		{door{"CreateFunction", "POST", "/2015-03-31/functions", "", "lambda"}, `{"FunctionName":"f"}`, []string{"lambda:CreateFunction", "function:f"}},
		{door{"UpdateFunctionCode", "PUT", "/2015-03-31/functions/f/code", "", "lambda"}, `{}`, []string{"lambda:UpdateFunctionCode", "function:f"}},
		{door{"CreateEventSourceMapping", "POST", "/2015-03-31/event-source-mappings", "", "lambda"}, `{"FunctionName":"f","EventSourceArn":"arn:aws:lambda:us-east-1:000000000000:stream"}`,
			[]string{"lambda:CreateEventSourceMapping", "function:f", "lambda:CreateEventSourceMapping", "stream"}},
		{door{"UpdateEventSourceMapping", "PUT", "/2015-03-31/event-source-mappings/u", "", "lambda"}, `{"FunctionName":"f"}`, []string{"lambda:UpdateEventSourceMapping", "event-source-mapping:u", "lambda:UpdateEventSourceMapping", "function:f"}},
		{post("events", e+"PutTargets"), `{"Rule":"r","Targets":[{"Arn":"arn:aws:lambda:us-east-1:000000000000:function:f"},{"Arn":"arn:aws:events:eu-west-1:111111111111:event-bus/a/b"},
			{"Arn":"arn:aws:events:us-east-1:000000000000:api-destination/d/7","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:q"}},{"Arn":"https://example.com/x"},{"Arn":"log:x"}]}`,
			[]string{"events:PutTargets", "rule/r", "lambda:InvokeFunction", "function:f", "events:PutEvents", "arn:aws:events:eu-west-1:111111111111:event-bus/a/b", "events:InvokeApiDestination", "api-destination/d", "events:PutTargets", "arn:aws:sqs:us-east-1:000000000000:q"}},
		{door{"PutFunctionEventInvokeConfig", "PUT", "/2019-09-25/functions/f/event-invoke-config", "", "lambda"},
			`{"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST"},"OnFailure":{"Destination":"arn:aws:sns:us-east-1:000000000000:t"}}}`,
			[]string{"lambda:PutFunctionEventInvokeConfig", "function:f", "lambda:InvokeFunction", "function:g", "lambda:PutFunctionEventInvokeConfig", "arn:aws:sns:us-east-1:000000000000:t"}},
		{door{"UpdateFunctionEventInvokeConfig", "POST", "/2019-09-25/functions/f/event-invoke-config", "", "lambda"}, `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:events:us-east-1:000000000000:event-bus/b"}}}`,
			[]string{"lambda:UpdateFunctionEventInvokeConfig", "function:f", "events:PutEvents", "event-bus/b"}},
		{door{"CreateEventSourceMapping", "POST", "/2015-03-31/event-source-mappings", "", "lambda"},
			`{"FunctionName":"f","EventSourceArn":"arn:aws:lambda:us-east-1:000000000000:stream","DestinationConfig":{"OnFailure":{"Destination":"arn:aws:lambda:us-east-1:000000000000:function:g"}}}`,
			[]string{"lambda:CreateEventSourceMapping", "function:f", "lambda:CreateEventSourceMapping", "stream", "lambda:InvokeFunction", "function:g"}},
		{door{"UpdateEventSourceMapping", "PUT", "/2015-03-31/event-source-mappings/u", "", "lambda"}, `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:lambda:us-east-1:000000000000:function:g"}}}`,
			[]string{"lambda:UpdateEventSourceMapping", "event-source-mapping:u", "lambda:InvokeFunction", "function:g"}},
	} {
		full := func(service, resource string) string {
			if strings.HasPrefix(resource, "arn:") {
				return resource
			}
			return fmt.Sprintf(arn, service, resource)
		}
		grant := func(skip int) (out []keys.Grant) {
			for i := 0; i < len(c.needs); i += 2 {
				service, _, _ := strings.Cut(c.needs[i], ":")
				g := keys.Grant{Actions: []string{c.needs[i]}, Resources: []string{full(service, c.needs[i+1])}}
				if i == skip {
					g.Resources[0] += "2"
				}
				out = append(out, g)
			}
			return out
		}
		h.Store("KEY", keys.Key{ID: "KEY", Name: "k", Secret: "s", Allow: grant(-1)})
		if _, _, text := send(t, at, c.door, c.body); strings.Contains(text, "is not authorized to perform") || strings.Contains(text, "Signature") {
			t.Errorf("%s %s is refused: %s", c.name, c.body, text)
		}
		for i := 0; i < len(c.needs); i += 2 {
			h.Store("KEY", keys.Key{ID: "KEY", Name: "k", Secret: "s", Allow: grant(i)})
			service, _, _ := strings.Cut(c.needs[i], ":")
			want := c.needs[i] + " on resource: " + full(service, c.needs[i+1]) + " because"
			if _, _, text := send(t, at, c.door, c.body); !strings.Contains(text, want) {
				t.Errorf("%s %s without %s on %s: %s", c.name, c.body, c.needs[i], c.needs[i+1], text)
			}
		}
	}
}

// Whoever sends a destination's calls, and so the secrets of its connection, to another
// URL needs the connection, too.
func TestDestinationNeedsItsConnection(t *testing.T) {
	const arn = "arn:aws:events:us-east-1:000000000000:"
	h := hold(keys.Key{ID: "KEY", Name: "k", Secret: "s", Allow: []keys.Grant{keys.Everything}})
	_, at := closedNode(t, h)
	call := func(op, body string) (int, string) {
		status, _, text := send(t, at, door{op, http.MethodPost, "/", "AWSEvents." + op, "events"}, body)
		return status, text
	}
	status, text := call("CreateConnection", `{"Name":"c","AuthorizationType":"API_KEY","AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyName":"X","ApiKeyValue":"v"}}}`)
	var made struct{ ConnectionArn string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != http.StatusOK {
		t.Fatal(text, err)
	}
	if status, text := call("CreateApiDestination", `{"Name":"d","ConnectionArn":"`+made.ConnectionArn+`","InvocationEndpoint":"https://example.com/","HttpMethod":"POST"}`); status != http.StatusOK {
		t.Fatal(text)
	}
	grant := keys.Grant{Actions: []string{"events:UpdateApiDestination"}, Resources: []string{arn + "api-destination/*"}}
	for _, c := range []struct {
		more []string
		want int
	}{{nil, http.StatusBadRequest}, {[]string{arn + "connection/c"}, http.StatusOK}} {
		grant.Resources = append(grant.Resources, c.more...)
		h.Store("KEY", keys.Key{ID: "KEY", Name: "k", Secret: "s", Allow: []keys.Grant{grant}})
		status, text := call("UpdateApiDestination", `{"Name":"d","InvocationEndpoint":"https://elsewhere.example.com/"}`)
		if status != c.want || c.want != http.StatusOK && !strings.Contains(text, "on resource: "+arn+"connection/c because") {
			t.Errorf("%v: %d %s", c.more, status, text)
		}
	}
	if status, text := call("UpdateApiDestination", `{"Name":"none"}`); status == http.StatusOK || !strings.Contains(text, "ResourceNotFoundException") {
		t.Errorf("%d %s", status, text)
	}
}

// send is knock with the one key and another body.
func send(t *testing.T, at string, d door, body string) (int, http.Header, string) {
	t.Helper()
	return signed(t, at, d, body, "KEY", "s")
}

// signed sends a body, signed with a key.
func signed(t *testing.T, at string, d door, body, id, secret string) (int, http.Header, string) {
	t.Helper()
	return knock(t, at, d, "", "", func(r *http.Request) {
		if d.method == http.MethodGet {
			body = ""
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), d.service, local.Region, time.Now()); err != nil {
			t.Fatal(err)
		}
	})
}

// Everybody may ask a closed node whether it lives, and learns nothing else.
func TestOpenPages(t *testing.T) {
	_, at := closedNode(t, hold())
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`} {
		if status, _, text := knock(t, at, door{path: path, method: http.MethodGet}, "", "", nil); status != http.StatusOK || strings.TrimSpace(text) != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
