package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target/connection"
)

// full uses every key that there is.
const full = `
version: 1
tables:
  users: { key: id, stream: new-and-old-images }
  lines:
    key: { pk: S, sk: N }
    ttl: ends
    expire-by-ttl: true
    attributes: [pk, note.text]
    indexes:
      by-owner: { key: "owner, total" }
      by-state: { key: { state: S }, project: keys }
      by-date: { key: { pk: S, date: N }, project: [note], local: true }
      by-place: { partition: "land, town", sort: { floor: N, sk: N, door: B }, project: keys }
  plain: { key: "a, b" }
  views: { key: id, stream: keys-only }
  shop: { key: "pk, sk", entities: { Order: { pk: "ORDER#{order}", type: order } } }
  box: { key: id, entities: { Message: { id: "M#{n}" } } }
mapping:
  envelope: metadata
  numbers: text
  correlation: trace
  causation: cause
  claim-check: { above: 256KB, store: s3://bucket/prefix }
outbox:
  box: { entity: Message, source: src, detail-type: kind, payload: body, group: of, time: at, after: keep, bus: main, start: latest, envelope: bare }
streams: { shards: 2, retention: 48h, rotate: 30m, split-above: 500, keep-unread: true }
buses: [main, audit]
cors: [http://localhost:3000, "https://app.example.com:443", "tauri://localhost", "http://[::1]:8080"]
put-events: { missing-bus: refuse, deduplication: 10m, max-size: 256KB }
quotas: { buses: 10, rules: 1000, targets: 7 }
archives:
  all: {}
  orders: { bus: main, pattern: { source: [myapp.users] }, description: kept, retention-days: 30 }
connections:
  shop: { basic: { username: ada, password: "${env:TABLECAST_SHOP:-p}" }, header: { X-A: b } }
  key: { api-key: { name: X-Key, value: "${env:TABLECAST_KEY:-k}" }, query: { q: "${env:TABLECAST_Q:-1}" }, body: { b: c } }
  bank: { oauth: { token-url: https://bank.example.com/token, method: PUT, client-id: me, client-secret: "id ${env:TABLECAST_BANK:-s}", header: { H: h }, query: { a: b }, body: { scope: read } } }
api-destinations:
  orders: { connection: shop, endpoint: "https://shop.example.com/orders/*", method: PUT, rate: 10 }
  keys: { connection: key, endpoint: "http://127.0.0.1:9000" }
functions:
  welcome: { dir: src, handler: index.handler, env: { TEAM: red }, timeout: 30s, memory: 256, concurrency: 2 }
  greet: { binary: /opt/greet, runtime: provided.al2023, from: [lines] }
  hear:
    handler: index.handler
    from: { users: { start: trim-horizon, batch: 50, window: 5s, parallel: 2, retries: 0, age: 1h, bisect: true, report-failures: true, filter: { eventName: [INSERT] }, on-failure: dead-letters, on-error: skip, enabled: false }, shop: { tumbling: 1m } }
events:
  UserCreated:
    from: users
    on: insert
    source: myapp.users
    detail-type: User Created
    bus: main
    start: trim-horizon
    detail: { id: "${new.id}", version: 1, tags: ["${new.tags[0]}", x] }
  UserChanged: { from: users, changed: [email, address.city], detail: { was: "${old.email}" } }
  LineChanged: { from: [lines, users], on: [insert, modify] }
  LineCounted: { from: lines, on: insert, mapper: welcome }
  OrderShipped:
    from: shop
    entity: Order
    changed: { state: { from: [paid, packed], to: shipped } }
    added: lines
    removed: [holds]
    match: { new: { total: [ { numeric: [ ">", 0 ] } ] } }
    if: new.total > 10
    each: new.lines
    resources: ["urn:${keys.order}"]
    time: ${new.at}
    group: all
    schema: { type: object }
    envelope: cloudevents
    numbers: exact
    correlation: a
    causation: b
rules:
  user-created:
    bus: main
    description: welcomes
    state: disabled
    pattern: { source: [myapp.users], detail: { age: [ { numeric: [ ">=", 18 ] } ] } }
    targets:
      - webhook: http://127.0.0.1:9000/welcome
        retry: { attempts: 10, age: 1h }
        order: true
      - log: events
        input: { text: hello, n: 12345678901234567890.10, none: null }
      - { log: "-", input-path: "$.detail.items[0]" }
      - command: [cat, "-"]
        id: cat
      - { function: welcome, id: lambda }
  elsewhere:
    schedule: rate(5 minutes)
    targets:
      - { bus: main, id: main, rate: 10, concurrency: 2 }
      - { sqs: "arn:aws:sqs:eu-west-1:111122223333:q", id: q, dead-letter: "arn:aws:sqs:eu-west-1:111122223333:dead" }
      - { sns: "arn:aws:sns:eu-west-1:111122223333:t", id: t, input-transformer: { paths: { a: $.detail.a }, template: '{"a": <a>}' } }
      - { nats: "nats://127.0.0.1:4222/events.users" }
      - { kinesis: "arn:aws:kinesis:eu-west-1:111122223333:stream/s", id: s }
  more: { pattern: { source: [x] }, targets: [ { state-machine: "arn:aws:states:eu-west-1:111122223333:stateMachine:m", id: m }, { go: mailer }, { log-group: "arn:aws:logs:eu-west-1:111122223333:log-group:g", id: g } ] }
  text:
    pattern: '{"source":["tablecast.lines"]}'
    targets: [ { log: /var/log/lines.jsonl }, { api-destination: orders, header: { X-B: $.detail.b }, query: { q: a }, path: $.detail.id, id: call }, { api-destination: keys } ]
tests:
  all forms:
    before: { put: users, item: { id: u1, n: 1.5 } }
    given:
      - { put: users, item: { dynamodb: { id: { S: u1 }, tags: { SS: [a] } } } }
      - { delete: users, key: { id: u1 } }
      - { expire: users, key: { id: u2 } }
      - { change: users, old: { id: u3 }, new: { id: u3, n: 2 } }
    expect:
      - UserCreated
      - UserCreated: { id: u1 }
      - { event: UserCreated, detail: { id: u1 }, match: { source: [myapp.users] } }
      - fails: absent
source: aws
bus: http://127.0.0.1:4566
account: "000000000000"
region: us-east-1
`

func TestFullFile(t *testing.T) {
	got, err := Parse("tablecast.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string, k item.Kind) item.KeyAttr { return item.KeyAttr{Name: name, Kind: k} }
	nine := 9
	path := func(s string) mapping.Path {
		p, err := mapping.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	shape := mapping.Shape{Envelope: mapping.Metadata, QuoteNumbers: true, Correlation: ref(path("trace")), Causation: ref(path("cause"))}
	lineChanged := mapping.Definition{Name: "LineChanged", Table: "lines", On: []mapping.Kind{mapping.Insert, mapping.Modify}, Source: "tablecast.lines", DetailType: "LineChanged", Bus: "default", Shape: shape}
	userLineChanged := lineChanged
	userLineChanged.Table, userLineChanged.Source = "users", "tablecast.users"
	bare := shape
	bare.Envelope = mapping.Bare
	want := &File{
		CORS: []string{"http://localhost:3000", "https://app.example.com", "tauri://localhost", "http://[::1]:8080"},
		Path: "tablecast.yaml", Account: "000000000000", Region: "us-east-1", Source: AWS, Bus: "http://127.0.0.1:4566",
		Tables: []table.Spec{
			{Name: "users", Schema: item.KeySchema{Hash: key("id", item.String)}, View: stream.NewAndOldImages, Billing: table.PayPerRequest},
			{Name: "lines", Schema: item.KeySchema{Hash: key("pk", item.String), Range: key("sk", item.Number)}, View: stream.NewAndOldImages, Billing: table.PayPerRequest, TTL: "ends", Indexes: []table.IndexSpec{
				{Name: "by-owner", Schema: item.KeySchema{Hash: key("owner", item.String), Range: key("total", item.String)}, Projection: table.ProjectAll},
				{Name: "by-state", Schema: item.KeySchema{Hash: key("state", item.String)}, Projection: table.ProjectKeys},
				{Name: "by-date", Local: true, Schema: item.KeySchema{Hash: key("pk", item.String), Range: key("date", item.Number)}, Projection: table.ProjectSome, Include: []string{"note"}},
				{Name: "by-place", Projection: table.ProjectKeys, Schema: item.NewKeySchema(
					[]item.KeyAttr{key("land", item.String), key("town", item.String)}, []item.KeyAttr{key("floor", item.Number), key("sk", item.Number), key("door", item.Binary)})},
			}},
			{Name: "plain", Schema: item.KeySchema{Hash: key("a", item.String), Range: key("b", item.String)}, Billing: table.PayPerRequest},
			{Name: "views", Schema: item.KeySchema{Hash: key("id", item.String)}, View: stream.KeysOnly, Billing: table.PayPerRequest},
			{Name: "shop", Schema: item.KeySchema{Hash: key("pk", item.String), Range: key("sk", item.String)}, View: stream.NewAndOldImages, Billing: table.PayPerRequest},
			{Name: "box", Schema: item.KeySchema{Hash: key("id", item.String)}, View: stream.NewAndOldImages, Billing: table.PayPerRequest},
		},
		ExpireBy:   map[string]string{"lines": "ends"},
		Attributes: map[string][]mapping.Path{"lines": {path("pk"), path("note.text")}},
		Entities:   map[string][]mapping.Entity{"shop": {entity("Order", "pk", "ORDER#{order}", "type", "order")}, "box": {entity("Message", "id", "M#{n}")}},
		ClaimCheck: ClaimCheck{Above: 256 << 10, Store: "s3://bucket/prefix"},
		Buses:      []string{"main", "audit"},
		Streams:    StreamSettings{Shards: 2, Retention: 48 * time.Hour, Rotate: 30 * time.Minute, SplitAbove: 500, KeepUnread: true},
		Functions: []process.Spec{
			{Name: "welcome", Dir: "src", Handler: "index.handler", Env: map[string]string{"TEAM": "red"}, Timeout: 30 * time.Second, MemoryMB: 256, Concurrency: 2},
			{Name: "greet", Dir: ".", Binary: "/opt/greet", Runtime: "provided.al2023"},
			{Name: "hear", Dir: ".", Handler: "index.handler"},
		},
		PutEvents: PutEvents{Refuse: true, Deduplication: 10 * time.Minute, MaxBytes: 256 << 10}, Quotas: Quotas{10, 1000, 7},
		Archives: []bus.Archive{
			{Name: "all", Bus: "default"},
			{Name: "orders", Bus: "main", Pattern: `{"source":["myapp.users"]}`, Description: "kept", RetentionDays: 30},
		},
		Connections: []connection.Declaration{
			{Name: "shop", Kind: connection.Basic, Auth: connection.AuthParameters{Username: "ada", Password: "p", Invocation: connection.Parameters{Header: []connection.Parameter{{Key: "X-A", Value: "b"}}}}},
			{Name: "key", Kind: connection.APIKey, Auth: connection.AuthParameters{KeyName: "X-Key", KeyValue: "k", Invocation: connection.Parameters{
				Query: []connection.Parameter{{Key: "q", Value: "1", Secret: true}}, Body: []connection.Parameter{{Key: "b", Value: "c"}},
			}}},
			{Name: "bank", Kind: connection.OAuth, Auth: connection.AuthParameters{
				TokenURL: "https://bank.example.com/token", TokenMethod: "PUT", ClientID: "me", ClientSecret: "id s",
				TokenParameters: connection.Parameters{
					Header: []connection.Parameter{{Key: "H", Value: "h"}}, Query: []connection.Parameter{{Key: "a", Value: "b"}}, Body: []connection.Parameter{{Key: "scope", Value: "read"}},
				},
			}},
		},
		Destinations: []connection.Destination{
			{Name: "orders", Connection: "shop", Endpoint: "https://shop.example.com/orders/*", Method: "PUT", Rate: 10},
			{Name: "keys", Connection: "key", Endpoint: "http://127.0.0.1:9000", Method: "POST"},
		},
		EventSources: []EventSource{
			{Table: "lines", Start: eventsource.Latest, Settings: eventsource.Settings{Function: "greet", Enabled: true, BatchSize: 100, Parallel: 1, MaxRetry: -1, MaxAge: -1}},
			{Table: "users", Start: eventsource.TrimHorizon, Settings: eventsource.Settings{
				Function: "hear", BatchSize: 50, BatchingWindow: 5, Parallel: 2, MaxAge: 3600, Bisect: true, Report: true,
				Filters: []string{`{"eventName":["INSERT"]}`}, OnFailure: eventsource.DeadLetters, OnError: eventsource.Skip,
			}},
			{Table: "shop", Start: eventsource.Latest, Settings: eventsource.Settings{Function: "hear", Enabled: true, BatchSize: 100, Parallel: 1, MaxRetry: -1, MaxAge: -1, TumblingWindow: 60}},
		},
		Events: []mapping.Definition{
			{Name: "outbox", Table: "box", Entity: "Message", Source: "tablecast.box", DetailType: "outbox", Bus: "main", Shape: bare,
				Outbox: &mapping.Outbox{Source: path("src"), Type: path("kind"), Payload: path("body"), Group: path("of"), Time: path("at")}},
			{Name: "UserCreated", Table: "users", On: []mapping.Kind{mapping.Insert}, Source: "myapp.users", DetailType: "User Created", Bus: "main", FromHorizon: true, Shape: shape},
			{Name: "UserChanged", Table: "users", Changed: []mapping.Transition{{Path: path("email")}, {Path: path("address.city")}}, Source: "tablecast.users", DetailType: "UserChanged", Bus: "default", Shape: shape},
			lineChanged, userLineChanged,
			{Name: "LineCounted", Table: "lines", On: []mapping.Kind{mapping.Insert}, Function: "welcome", Source: "tablecast.lines", DetailType: "LineCounted", Bus: "default", Shape: shape},
			{Name: "OrderShipped", Table: "shop", Entity: "Order", Source: "tablecast.shop", DetailType: "OrderShipped", Bus: "default",
				Changed: []mapping.Transition{{Path: path("state"), From: []item.Value{item.S("paid"), item.S("packed")}, To: []item.Value{item.S("shipped")}}},
				Added:   []mapping.Path{path("lines")}, Removed: []mapping.Path{path("holds")},
				Shape: mapping.Shape{Envelope: mapping.CloudEvents, Correlation: ref(path("a")), Causation: ref(path("b"))}},
		},
		Rules: []bus.Rule{
			{Bus: "main", Name: "user-created", Pattern: `{"source":["myapp.users"],"detail":{"age":[{"numeric":[">=",18]}]}}`, Disabled: true, Description: "welcomes", Origin: Origin,
				Targets: []bus.Target{
					{ID: "webhook-c9c135bd", ARN: "http://127.0.0.1:9000/welcome", MaxRetries: &nine, MaxAgeSeconds: 3600, Ordered: true, Origin: Origin},
					{ID: "log-c53f9442", ARN: "log:events", Input: `{"text":"hello","n":12345678901234567890.10,"none":null}`, Origin: Origin},
					{ID: "log-b16cad59", ARN: "log:-", InputPath: "$.detail.items[0]", Origin: Origin},
					{ID: "cat", ARN: `command:["cat","-"]`, Origin: Origin},
					{ID: "lambda", ARN: "arn:aws:lambda:us-east-1:000000000000:function:welcome", Origin: Origin},
				}},
			{Bus: "default", Name: "elsewhere", Schedule: "rate(5 minutes)", Origin: Origin, Targets: []bus.Target{
				{ID: "main", ARN: "arn:aws:events:us-east-1:000000000000:event-bus/main", Rate: 10, Concurrency: 2, Origin: Origin},
				{ID: "q", ARN: "arn:aws:sqs:eu-west-1:111122223333:q", DeadLetterARN: "arn:aws:sqs:eu-west-1:111122223333:dead", Origin: Origin},
				{ID: "t", ARN: "arn:aws:sns:eu-west-1:111122223333:t", Template: `{"a": <a>}`, Paths: map[string]string{"a": "$.detail.a"}, Origin: Origin},
				{ID: "nats-98fa57e5", ARN: "nats://127.0.0.1:4222/events.users", Origin: Origin},
				{ID: "s", ARN: "arn:aws:kinesis:eu-west-1:111122223333:stream/s", Origin: Origin},
			}},
			{Bus: "default", Name: "more", Pattern: `{"source":["x"]}`, Origin: Origin, Targets: []bus.Target{
				{ID: "m", ARN: "arn:aws:states:eu-west-1:111122223333:stateMachine:m", Origin: Origin},
				{ID: "go-ae8e0839", ARN: "go:mailer", Origin: Origin},
				{ID: "g", ARN: "arn:aws:logs:eu-west-1:111122223333:log-group:g", Origin: Origin},
			}},
			{Bus: "default", Name: "text", Pattern: `{"source":["tablecast.lines"]}`, Origin: Origin,
				Targets: []bus.Target{
					{ID: "log-f12d009b", ARN: "log:/var/log/lines.jsonl", Origin: Origin},
					{ID: "call", ARN: "arn:aws:events:us-east-1:000000000000:api-destination/orders", Origin: Origin, Parameters: map[string]jsontext.Value{
						"HttpParameters": jsontext.Value(`{"PathParameterValues":["$.detail.id"],"HeaderParameters":{"X-B":"$.detail.b"},"QueryStringParameters":{"q":"a"}}`),
					}},
					{ID: "api-destination-4ae94721", ARN: "arn:aws:events:us-east-1:000000000000:api-destination/keys", Origin: Origin},
				}},
		},
	}
	if len(got.Version) != versionDigits || string(got.Text) != full || len(got.uses) == 0 {
		t.Errorf("version %q, %d bytes, %d uses", got.Version, len(got.Text), len(got.uses))
	}
	got.Version, got.Text, got.uses = "", nil, nil
	want.FunctionsAt = Fault{Path: "tablecast.yaml", Line: 43, Column: 3}
	if d := cmp.Diff(cases(t), got.Cases, cmp.Exporter(func(reflect.Type) bool { return true }), cmpopts.IgnoreTypes(&pattern.Pattern{})); d != "" {
		t.Error(d)
	}
	if len(got.Schemas) != 1 || got.Schemas["OrderShipped"] == nil {
		t.Errorf("schemas: %v", got.Schemas)
	}
	got.Cases, got.Schemas = nil, nil
	last := &got.Events[len(got.Events)-1]
	if last.If == nil || last.Each == nil || last.Match == nil || last.Time == nil || last.Group == nil || len(last.Resources) != 1 || last.Contract == nil {
		t.Errorf("%+v", last)
	}
	for i := range got.Events { // other tests look into them
		e := &got.Events[i]
		e.Detail, e.If, e.Each, e.Match, e.Time, e.Group, e.Resources, e.Contract = nil, nil, nil, nil, nil, nil, nil, nil
	}
	if d := cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true })); d != "" {
		t.Error(d)
	}
}

// cases are those of the full file.
func cases(t *testing.T) []Case {
	t.Helper()
	it := func(plain string) item.Item {
		v, err := item.FromPlainJSON([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		return v.Map()
	}
	tags, err := item.Set(item.StringSet, []item.Value{item.S("a")})
	if err != nil {
		t.Fatal(err)
	}
	return []Case{{
		Name: "all forms", Place: Fault{Path: "tablecast.yaml", Line: 106, Column: 3},
		Before: []Step{{Do: "put", Table: "users", Item: it(`{"id":"u1","n":1.5}`)}},
		Given: []Step{
			{Do: "put", Table: "users", Item: it(`{"id":"u1"}`).With("tags", tags)},
			{Do: "delete", Table: "users", Key: it(`{"id":"u1"}`)},
			{Do: "expire", Table: "users", Key: it(`{"id":"u2"}`)},
			{Do: "change", Table: "users", Old: it(`{"id":"u3"}`), New: it(`{"id":"u3","n":2}`)},
		},
		Expect: []Expected{
			{Event: "UserCreated"}, {Event: "UserCreated", Detail: []byte(`{"id":"u1"}`)}, {Event: "UserCreated", Detail: []byte(`{"id":"u1"}`)}, {Fails: "absent"},
		},
	}}
}

func ref(p mapping.Path) *mapping.Path { return &p }

// entity is one with forms of attributes.
func entity(name string, forms ...string) mapping.Entity {
	var all []mapping.Form
	for i := 0; i < len(forms); i += 2 {
		f, err := mapping.ParseForm(forms[i], forms[i+1])
		if err != nil {
			panic(err)
		}
		all = append(all, f)
	}
	e, err := mapping.NewEntity(name, all...)
	if err != nil {
		panic(err)
	}
	return e
}

// details returns the detail that a file's first event makes of an item.
func details(t *testing.T, src string) string {
	t.Helper()
	f, err := Parse("f", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: "users", Schema: f.Tables[0].Schema, View: f.Tables[0].View})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	user := item.MapOf(item.Field{Name: "id", Value: item.S("u1")})
	events, err := mapping.NewSet(f.Events[:1], f.Mapping("users")).Apply(
		&stream.Record{Stream: st, Seq: 1, Op: stream.Insert, Keys: user, New: user}, func(string) bool { return true })
	if err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	return string(events[0].Event.Detail)
}

const head = "tables: { users: { key: id } }\nevents:\n  E:\n    from: users\n    detail:\n"

// YAML's values become JSON's, exactly.
func TestDetails(t *testing.T) {
	for src, want := range map[string]string{
		"      a: ${new.id}":                                `{"a":"u1"}`,
		"      a: |\n        x ${new.id}\n        y":        `{"a":"x u1\ny\n"}`,
		"      a: >-\n        x\n        ${op}":             `{"a":"x insert"}`,
		"      a: 12345678901234567890123456789012345678":   `{"a":12345678901234567890123456789012345678}`,
		"      a: 1.10\n      b: 1e3\n      c: -0":          `{"a":1.10,"b":1e3,"c":-0}`,
		"      a: 0x10\n      b: 1_000\n      c: .5":        `{"a":16,"b":1000,"c":0.5}`,
		"      a: \"12\"\n      b: '1e3'":                   `{"a":"12","b":"1e3"}`,
		"      a: true\n      b: ~\n      c: yes\n      d:": `{"a":true,"b":null,"c":"yes","d":null}`,
		"      a: []\n      b: {}\n      c: [1, [x]]":       `{"a":[],"b":{},"c":[1,[x]]}`,
		"      a: 2020-01-01\n      \"b c\": ok":            `{"a":"2020-01-01","b c":"ok"}`,
		"      a: &x { id: \"${new.id}\" }\n      b: *x":    `{"a":{"id":"u1"},"b":{"id":"u1"}}`,
		"      a: ${env:HOME}":                              "",
		"      a: $${env:HOME}":                             `{"a":"${env:HOME}"}`,
		"      a: ${new.?nothing}\n      b: [\"${old}\"]":   `{"b":[{}]}`,
	} {
		if want == "" {
			if _, err := Parse("f", []byte(head+src)); err == nil {
				t.Errorf("%s: no fault", src)
			}
			continue
		}
		want = strings.ReplaceAll(want, "[x]", `["x"]`)
		if got := details(t, head+src+"\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", src, got, want)
		}
	}
}

// The environment stands in texts outside details, and shells keep their own.
func TestEnvironment(t *testing.T) {
	t.Setenv("TABLECAST_TEST_HOST", "10.0.0.1")
	t.Setenv("TABLECAST_TEST_EMPTY", "")
	f, err := Parse("f", []byte(`
tables: { "users-${env:X}": { key: id } }
rules:
  r:
    pattern: { source: [ "${env:TABLECAST_TEST_HOST}" ] }
    targets:
      - webhook: http://${env:TABLECAST_TEST_HOST}:${env:TABLECAST_TEST_PORT:-80}/${env:TABLECAST_TEST_EMPTY}
      - webhook: http://a/${env:TABLECAST_TEST_EMPTY:-x:-}
      - command: [sh, -c, 'echo ${HOME} $${env:HOME} ${new.id} $X']
`))
	if err == nil || !strings.Contains(err.Error(), "is no table name") {
		t.Errorf("keys are not expanded: %v, %v", f, err)
	}
	f, err = Parse("f", []byte(`
rules:
  r:
    pattern: { source: [ "${env:TABLECAST_TEST_HOST}" ] }
    targets:
      - webhook: http://${env:TABLECAST_TEST_HOST}:${env:TABLECAST_TEST_PORT:-80}/${env:TABLECAST_TEST_EMPTY}
      - webhook: http://a/${env:TABLECAST_TEST_EMPTY:-x:-}
      - command: [sh, -c, 'echo ${HOME} $${env:HOME} ${new.id} $X']
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, target := range f.Rules[0].Targets {
		got = append(got, target.ARN)
	}
	want := []string{"http://10.0.0.1:80/", "http://a/x:-", `command:["sh","-c","echo ${HOME} ${env:HOME} ${new.id} $X"]`}
	if d := cmp.Diff(want, got); d != "" || f.Rules[0].Pattern != `{"source":["10.0.0.1"]}` {
		t.Errorf("%s\n%s", d, f.Rules[0].Pattern)
	}
}

// A target keeps its id when the targets around it change.
func TestDerivedIDs(t *testing.T) {
	ids := func(targets string) map[string]string {
		f, err := Parse("f", []byte("rules: { r: { pattern: { source: [x] }, targets: ["+targets+"] } }"))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, target := range f.Rules[0].Targets {
			out[target.ARN] = target.ID
		}
		return out
	}
	before, after := ids("{ log: a }, { webhook: http://b/ }"), ids("{ log: c }, { webhook: http://b/ }, { log: a, order: true }")
	if before["log:a"] != after["log:a"] || before["http://b/"] != after["http://b/"] || after["log:a"] == after["log:c"] {
		t.Errorf("%v, %v", before, after)
	}
}

// Forms that are good, each in its own file.
func TestGoodFiles(t *testing.T) {
	for _, src := range []string{
		"", "# nothing\n", "{}", "tables:\nevents:\nrules:\nbuses:\n",
		"{\n\t\"tables\": {\"users\": {\"key\": \"id\"}},\n\t\"events\": {\"E\": {\"from\": \"users\"}}\n}\n",
		"events: { E: { from: users } }\ntables: { users: { key: id } }\n",
		"buses:\n  main:\n  other: {}\n",
		"buses: [default]\nrules: { r: { bus: default, pattern: { source: [x] } } }\n",
		"rules:\n  r:\n    pattern: |\n      {\"source\": [\"x\"]}\n    targets: []\n",
		"\ufefftables: { users: { key: id } }\n",
		"tables: { users: { key: id } }\r\nbuses: [main]\r\n",
	} {
		if _, err := Parse("f", []byte(src)); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

// Aliases cannot make a small file large, nor nesting exhaust the stack.
func TestBounds(t *testing.T) {
	bomb := "tables: { users: { key: id } }\nevents:\n  E:\n    from: users\n    detail:\n      a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for n := range 9 {
		was, is := string(rune('0'+n)), string(rune('1'+n))
		bomb += "      a" + is + ": &a" + is + " [" + strings.TrimSuffix(strings.Repeat("*a"+was+", ", 10), ", ") + "]\n"
	}
	for src, want := range map[string]string{
		bomb: "more than 100000 values",
		head + "      a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200): "nested more than 100 deep",
		strings.Repeat("# a long comment\n", 70_000):                             "larger than 1 MiB",
		strings.Repeat("[", 100_000):                                             "f:1:102: values are nested more than 100 deep",
		strings.Repeat("{a: ", 100_000):                                          "f:1:405: values are nested more than 100 deep",
		strings.Repeat("- ", 100_000):                                            "f:1:203: values are nested more than 100 deep",
		strings.Repeat("a: b\n", 100_000):                                        "f:10001:1: a mapping has more than 10000 keys",
		"[" + strings.Repeat("[],", 100_000):                                     "more than 200000 words and signs",
		strings.Repeat("[]\n---\n", 50_000):                                      "f:202:1: the text has more than 100 lines --- and ...",
	} {
		before := allocated()
		_, err := Parse("f", []byte(src))
		if made := allocated() - before; made > 256<<20 {
			t.Errorf("%.20q takes %d MiB", src, made>>20)
		}
		var faults Faults
		errors.As(err, &faults)
		if len(faults) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%.300v, want %s", err, want)
		}
	}
}

// Files that hold tests alone have the same bounds.
func TestBoundsOfCases(t *testing.T) {
	_, err := parseCases(&File{}, "f.test.yaml", []byte(strings.Repeat("[", 100_000)))
	if err == nil || !strings.Contains(err.Error(), "f.test.yaml:1:102: values are nested more than 100 deep") {
		t.Errorf("%.300v", err)
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestFind(t *testing.T) {
	t.Setenv("TABLECAST_CONFIG", "")
	root := t.TempDir()
	below := filepath.Join(root, "repo", "a", "b")
	write := func(name string) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(full), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	expect := func(want string) {
		t.Helper()
		if got := Find(below); got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	write("tablecast.yaml") // outside of the repository
	write("repo/.git/HEAD")
	if err := os.MkdirAll(filepath.Join(below, "tablecast.yaml"), 0o755); err != nil { // a folder is no file
		t.Fatal(err)
	}
	expect("")
	inRoot := write("repo/tablecast.json")
	expect(inRoot)
	inFolder := write("repo/a/tablecast.yml")
	expect(inFolder)
	t.Setenv("TABLECAST_CONFIG", "else.yaml")
	expect("else.yaml")
	if f, err := Load(inFolder); err != nil || len(f.Tables) != 6 || f.Path != inFolder {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := Load(filepath.Join(root, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
