package eventbridge_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/event"
)

// refusal is what the service answers to a request that it refuses.
type refusal struct{ op, body, kind, text string }

const (
	invalid  = "ValidationException"
	notFound = "ResourceNotFoundException"
	one      = "1 validation error detected: "
)

var refusals = []refusal{
	{"CreateEventBus", `{"Name":"default"}`, "ResourceAlreadyExistsException", "Event bus default already exists."},
	{"CreateEventBus", `{"Name":"a/b"}`, invalid, "Event bus name must not contain '/'."},
	{"CreateEventBus", `{"Name":"aws.partner/a/b","EventSourceName":"aws.partner/a/b"}`, notFound, "Event source aws.partner/a/b does not exist."},
	{"CreateEventBus", `{"Name":"x","KmsKeyIdentifier":"k"}`, invalid, "Parameter KmsKeyIdentifier is not valid. Reason: Encryption with customer managed keys is not offered here."},
	{"CreateEventBus", `{}`, invalid, one + "Value null at 'name' failed to satisfy constraint: Member must not be null"},
	{"CreateEventBus", `{"Name":""}`, invalid, "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [/\\.\\-_A-Za-z0-9]+; " +
		"Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	{"CreateEventBus", `{"Name":"a b"}`, invalid, one + "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [/\\.\\-_A-Za-z0-9]+"},
	{"CreateEventBus", `{"Name":"` + strings.Repeat("a", 257) + `"}`, invalid, one + "Value '" + strings.Repeat("a", 257) + "' at 'name' failed to satisfy constraint: Member must have length less than or equal to 256"},
	{"CreateEventBus", `{"Name":"x","LogConfig":{"Level":"LOUD"}}`, invalid, one + "Value 'LOUD' at 'logConfig.level' failed to satisfy constraint: Member must satisfy enum value set: [OFF, ERROR, INFO, TRACE]"},
	{"CreateEventBus", `{"Name":"x","Tags":[{"Key":"a","Value":""},{"Key":"a","Value":""}]}`, invalid, "Invalid parameter: Duplicated keys are not allowed."},
	{"CreateEventBus", `{"Name":"x","Tags":[{"Key":"aws:a","Value":""}]}`, invalid, "Invalid parameter: Tag keys that begin with aws: are reserved."},
	{"CreateEventBus", `{"Name":"x","Tags":[{"Key":"a"}]}`, invalid, one + "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"},
	{"CreateEventBus", `{"Name":1}`, "SerializationException", "NUMBER_VALUE cannot be converted to String"},
	{"PutTargets", `{"Targets":[[]]}`, "SerializationException", "Unrecognized collection type class Target"},
	{"PutEvents", `{"Entries":[[]]}`, "SerializationException", "Unrecognized collection type class PutEventsRequestEntry"},
	{"CreateEventBus", `{"Name":"a","Name":"b"}`, "SerializationException", ""},
	{"CreateEventBus", `{"Name":"third"}`, "LimitExceededException", "The requested resource exceeds the maximum number allowed."},
	{"DescribeEventBus", `{"Name":"nobody"}`, notFound, "Event bus nobody does not exist."},
	{"DescribeEventBus", `{"Name":"arn:aws:events:us-east-1:1:event-bus/x"}`, invalid, one + "Value 'arn:aws:events:us-east-1:1:event-bus/x' at 'name' failed to satisfy constraint: " +
		"Member must satisfy regular expression pattern: (arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"},
	{"DeleteEventBus", `{"Name":"default"}`, invalid, "Cannot delete event bus default."},
	{"DeleteEventBus", `{"Name":"ruled"}`, invalid, "Event bus ruled can't be deleted since it has rules."},
	{"ListEventBuses", `{"Limit":0}`, invalid, one + "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"},
	{"ListEventBuses", `{"Limit":101}`, invalid, one + "Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"},
	{"ListEventBuses", `{"NextToken":"?"}`, invalid, "Parameter NextToken is not valid."},

	{"PutRule", `{"Name":"x"}`, invalid, "Parameter(s) EventPattern or ScheduleExpression must be specified."},
	{"PutRule", `{"Name":"x","EventPattern":""}`, invalid, "Parameter(s) EventPattern or ScheduleExpression must be specified."},
	{"PutRule", `{"Name":"x","EventBusName":"ruled","ScheduleExpression":"rate(1 minute)"}`, invalid, "ScheduleExpression is supported only on the default event bus."},
	{"PutRule", `{"Name":"x","ScheduleExpression":"rate(1 minutes)"}`, invalid, "Parameter ScheduleExpression is not valid."},
	{"PutRule", `{"Name":"x","EventPattern":"{}","State":"ON"}`, invalid, one + "Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]"},
	{"PutRule", `{"Name":"a b","EventPattern":"{}"}`, invalid, one + "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"},
	{"PutRule", `{"Name":"x","EventPattern":"{\"a\":[]}"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: Empty arrays are not allowed"},
	{"PutRule", `{"Name":"x","EventPattern":"[1]"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object"},
	{"PutRule", `{"Name":"x","EventPattern":"this"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"},
	{"PutRule", `{"Name":"x","EventBusName":"nobody","EventPattern":"{\"a\":[1]}"}`, notFound, "Event bus nobody does not exist."},
	{"DescribeRule", `{"Name":"nobody"}`, notFound, "Rule nobody does not exist on EventBus default."},
	{"DescribeRule", `{"Name":"r","EventBusName":"nobody"}`, notFound, "Event bus nobody does not exist."},
	{"DescribeRule", `{}`, invalid, one + "Value null at 'name' failed to satisfy constraint: Member must not be null"},
	{"EnableRule", `{"Name":"nobody"}`, notFound, "Rule nobody does not exist on EventBus default."},
	{"DisableRule", `{"Name":"nobody","EventBusName":"ruled"}`, notFound, "Rule nobody does not exist on EventBus ruled."},
	{"DeleteRule", `{"Name":"full"}`, invalid, "Rule can't be deleted since it has targets."},
	{"DeleteRule", `{"Name":"r","EventBusName":"nobody"}`, notFound, "Event bus nobody does not exist."},
	{"ListRules", `{"EventBusName":"nobody"}`, notFound, "Event bus nobody does not exist."},
	{"ListRuleNamesByTarget", `{}`, invalid, one + "Value null at 'targetArn' failed to satisfy constraint: Member must not be null"},
	{"ListRuleNamesByTarget", `{"TargetArn":"x","EventBusName":"nobody"}`, notFound, "Event bus nobody does not exist."},

	{"PutTargets", `{"Rule":"nobody","Targets":[{"Id":"t","Arn":"log:x"}]}`, notFound, "Rule nobody does not exist on EventBus default."},
	{"PutTargets", `{"Rule":"full"}`, invalid, one + "Value null at 'targets' failed to satisfy constraint: Member must not be null"},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"a b","Arn":"log:x"}]}`, invalid, one + "Value 'a b' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x"},{"Id":"` + strings.Repeat("i", 65) + `"}]}`, invalid, "2 validation errors detected: Value '" + strings.Repeat("i", 65) +
		"' at 'targets.2.member.id' failed to satisfy constraint: Member must have length less than or equal to 64; Value null at 'targets.2.member.arn' failed to satisfy constraint: Member must not be null"},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","RetryPolicy":{"MaximumRetryAttempts":186,"MaximumEventAgeInSeconds":59}}]}`, invalid, "2 validation errors detected: " +
		"Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 185; " +
		"Value '59' at 'targets.1.member.retryPolicy.maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60"},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","Input":"{}","InputPath":"$"}]}`, invalid, "Only one of Input, InputPath, or InputTransformer must be provided for target t."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","InputPath":"$","InputTransformer":{"InputTemplate":"{}"}}]}`, invalid, "Only one of Input, InputPath, or InputTransformer must be provided for target t."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","InputTransformer":{"InputTemplate":"\"<key>\"","InputPathsMap":{"k":"$.a"}}}]}`, invalid, "InputTemplate for target t contains invalid placeholder key."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","InputTransformer":{"InputPathsMap":{"k k":"$.a"}}}]}`, invalid, "2 validation errors detected: " +
		"Value '{k k=$.a}' at 'targets.1.member.inputTransformer.inputPathsMap' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 256, " +
		"Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [A-Za-z0-9\\_\\-]+]; " +
		"Value null at 'targets.1.member.inputTransformer.inputTemplate' failed to satisfy constraint: Member must not be null"},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:x","Input":"{"}]}`, invalid, "JSON syntax error in input for target t."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"6","Arn":"log:x"}]}`, "LimitExceededException", "The requested resource exceeds the maximum number allowed."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"arn:aws:sqs"}]}`, invalid, "Parameter arn:aws:sqs is not valid. Reason: Provided Arn is not in correct format."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"nonsense"}]}`, invalid, "Parameter nonsense is not valid. Reason: unknown kind of target; write http://HOST/PATH, https://HOST/PATH, log:- or log:NAME."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"command:[\"sh\"]"}]}`, invalid, "Parameter command:[\"sh\"] is not valid. Reason: a command is allowed only in the server's own file; write an http:// target, or a targets: entry in tablecast.yaml."},
	{"PutTargets", `{"Rule":"full","Targets":[{"Id":"t","Arn":"log:/etc/passwd"}]}`, invalid, "Parameter log:/etc/passwd is not valid. Reason: a path is allowed only in the server's own file; write log:NAME."},
	{"RemoveTargets", `{"Rule":"full","Ids":[]}`, invalid, one + "Value '[0 members]' at 'ids' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	{"RemoveTargets", `{"Rule":"nobody","Ids":["t"]}`, notFound, "Rule nobody does not exist on EventBus default."},
	{"ListTargetsByRule", `{"Rule":"nobody"}`, notFound, "Rule nobody does not exist on EventBus default."},

	{"PutEvents", `{}`, invalid, one + "Value null at 'entries' failed to satisfy constraint: Member must not be null"},
	{"PutEvents", `{"Entries":[]}`, invalid, one + "Value '[0 members]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	{"PutEvents", `{"Entries":[{}` + strings.Repeat(",{}", 10) + `]}`, invalid, one + "Value '[11 members]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"},
	{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"` + strings.Repeat("x", 1<<20) + `"}]}`, invalid, "Total size of the entries in the request is over the limit."},
	{"PutEvents", `{"Entries":[{}],"EndpointId":"a.b"}`, invalid, "Parameter EndpointId is not valid. Reason: Global endpoints are not offered here."},
	{"PutEvents", `{"Entries":[{"EventBusName":"a/b"}]}`, invalid, one + "Value 'a/b' at 'entries.1.member.eventBusName' failed to satisfy constraint: " +
		"Member must satisfy regular expression pattern: (arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[\\.\\-_A-Za-z0-9]+"},
	{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"{}"}`, invalid, "Parameter Event is not valid."},
	{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"[]"}`, invalid, "Parameter Event is not valid."},
	{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"no"}`, invalid, "Parameter Event is not valid."},
	{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"{\"id\":\"1\",\"account\":\"1\",\"source\":\"s\",\"time\":\"2026-01-02T03:04:05Z\",\"region\":\"r\"}"}`, invalid, "Parameter Event is not valid."},
	{"TestEventPattern", `{"EventPattern":"{\"a\":{}}","Event":"{}"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: Empty objects are not allowed"},

	{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/nobody","Tags":[]}`, notFound, "Rule nobody does not exist on EventBus default."},
	{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:event-bus/nobody","Tags":[]}`, notFound, "Event bus nobody does not exist."},
	{"UntagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/ruled/nobody","TagKeys":["a"]}`, notFound, "Rule nobody does not exist on EventBus ruled."},
	{"ListTagsForResource", `{"ResourceARN":"nonsense"}`, invalid, "Parameter nonsense is not valid. Reason: Provided Arn is not in correct format."},

	{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/nobody"}`, notFound, "Event bus nobody does not exist."},
	{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:rule/full"}`, invalid, "Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN."},
	{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/ruled","EventPattern":"{\"a\":1}"}`, "InvalidEventPatternException", `Event pattern is not valid. Reason: "a" must be an object or an array`},
	{"DescribeArchive", `{"ArchiveName":"nobody"}`, notFound, "Archive nobody does not exist."},
	{"UpdateArchive", `{"ArchiveName":"nobody"}`, invalid, "At least one of EventPattern, RetentionDays or Description must be provided."},
	{"UpdateArchive", `{"ArchiveName":"nobody","RetentionDays":1}`, notFound, "Archive nobody does not exist."},
	{"DeleteArchive", `{"ArchiveName":"nobody"}`, notFound, "Archive nobody does not exist."},
	{"ListArchives", `{"NamePrefix":"a","State":"ENABLED"}`, invalid, "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."},
	{"ListArchives", `{"EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/nobody"}`, notFound, "Event bus nobody does not exist."},
	{"ListReplays", `{"NamePrefix":"a","State":"FAILED"}`, invalid, "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."},
	{"DescribeReplay", `{"ReplayName":"nobody"}`, notFound, "Replay nobody does not exist."},
	{"CancelReplay", `{"ReplayName":"nobody"}`, notFound, "Replay nobody does not exist."},
	{"StartReplay", `{"ReplayName":"x","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/nobody","EventStartTime":1,"EventEndTime":2,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/ruled"}}`, invalid, "Parameter EventSourceArn is not valid. Reason: Archive nobody does not exist."},
	{"StartReplay", `{"ReplayName":"x","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/nobody","EventStartTime":1,"EventEndTime":2,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/nobody"}}`, notFound, "Event bus nobody does not exist."},
	{"StartReplay", `{"ReplayName":"x","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/kept","EventStartTime":1,"EventEndTime":2,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/default"}}`, invalid, "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."},
	{"StartReplay", `{"ReplayName":"x","EventSourceArn":"arn:awsome:archive/kept","EventStartTime":1,"EventEndTime":2,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/ruled"}}`, invalid, "Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN."},
	{"CreateApiDestination", `{"Name":"d","ConnectionArn":"any:connection/c/1","InvocationEndpoint":"https://example.com/","HttpMethod":"POST"}`, invalid, "Parameter ConnectionArn is not valid. Reason: Provided Arn is not in correct format."},
	{"StartReplay", `{"ReplayName":"x","EventSourceArn":"arn:aws:events:us-east-1:000000000000:archive/kept","EventStartTime":2,"EventEndTime":2,"Destination":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/ruled"}}`, invalid, "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."},
	{"PutTargets", `{"Rule":"Events-Archive-kept","EventBusName":"ruled","Targets":[{"Id":"1","Arn":"log:x"}]}`, "ManagedRuleException", "Rule Events-Archive-kept is managed; only its manager may change it."},

	{"CreateEndpoint", `{}`, "UnknownOperationException", "CreateEndpoint is not offered here. Global endpoints are not offered."},
}

// full is a node with a bus that has a rule, and a rule that has five targets.
func full(t testing.TB, o bus.Options) *node {
	n := start(t, o)
	n.Must(t, "CreateEventBus", `{"Name":"ruled"}`)
	n.Must(t, "PutRule", `{"Name":"r","EventBusName":"ruled","EventPattern":"{\"a\":[1]}"}`)
	n.Must(t, "CreateArchive", `{"ArchiveName":"kept","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/ruled"}`)
	n.Must(t, "PutRule", `{"Name":"full","EventPattern":"{\"a\":[1]}"}`)
	n.Must(t, "PutTargets", `{"Rule":"full","Targets":[{"Id":"1","Arn":"log:x"},{"Id":"2","Arn":"log:x"},{"Id":"3","Arn":"log:x"},{"Id":"4","Arn":"log:x"},{"Id":"5","Arn":"log:x"}]}`)
	return n
}

func TestRefusals(t *testing.T) {
	n := full(t, bus.Options{MaxBuses: 2})
	for _, r := range refusals {
		status, answer := n.Call(t, r.op, r.body)
		var got struct {
			Type   string `json:"__type"`
			Text   string `json:"message"`
			Serial string `json:"Message"`
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(got.Text+got.Serial, "\n at [Source:")
		if status != http.StatusBadRequest || got.Type != r.kind || text != r.text {
			t.Errorf("%s %.200s\n got %d %s: %s\nwant 400 %s: %s", r.op, r.body, status, got.Type, text, r.kind, r.text)
		}
	}
}

// What the answers look like, byte for byte.
func TestAnswers(t *testing.T) {
	n := full(t, bus.Options{StrictBus: true})
	for _, c := range []struct{ op, body, want string }{
		{"EnableRule", `{"Name":"full"}`, `{}`},
		{"DeleteEventBus", `{"Name":"nobody"}`, `{}`},
		{"DeleteRule", `{"Name":"nobody"}`, `{}`},
		{"ListEventBuses", `{"NamePrefix":"x"}`, `{"EventBuses":[]}`},
		{"ListRules", `{"NamePrefix":"x","Unknown":{"a":1},"nextToken":"lower case is another member"}`, `{"Rules":[]}`},
		{"ListRules", `{"EventBusName":null}`, `{"Rules":[{"Name":"full","Arn":"arn:aws:events:us-east-1:000000000000:rule/full","EventPattern":"{\"a\":[1]}","State":"ENABLED","EventBusName":"default"}]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"x"}`, `{"RuleNames":[]}`},
		{"ListTargetsByRule", `{"Rule":"full","Limit":1}`, `{"Targets":[{"Id":"1","Arn":"log:x"}],"NextToken":"MQ"}`},
		{"RemoveTargets", `{"Rule":"full","Ids":["5"]}`, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"PutTargets", `{"Rule":"full","Targets":[{"Id":"5","Arn":"log:x","SqsParameters":null}]}`, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"PutEvents", `{"Entries":[{"EventBusName":"nobody","Source":"s","DetailType":"t","Detail":"{}"}]}`, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ResourceNotFoundException","ErrorMessage":"Event bus nobody does not exist."}]}`},
		{"PutEvents", `{"Entries":[{}]}`, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Source is not valid. Reason: Source is a required argument."}]}`},
		{"PutEvents", `{"Entries":[{"Source":"aws.s3","DetailType":"t","Detail":"{}"},{"Source":"s","Detail":"{}"},{"Source":"s","DetailType":"t"},{"Source":"s","DetailType":"t","Detail":"{}","Time":1e15}]}`,
			`{"FailedEntryCount":4,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"Not authorized for the source."},` +
				`{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter DetailType is not valid. Reason: DetailType is a required argument."},` +
				`{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Detail is not valid. Reason: Detail is a required argument."},` +
				`{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Time is not valid. Reason: Time is not in the years 0 to 9999."}]}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"s\"]}","Event":"{\"id\":\"1\",\"account\":\"1\",\"source\":\"s\",\"time\":\"2026-01-02T03:04:05Z\",\"region\":\"r\",\"detail-type\":\"t\"}"}`, `{"Result":true}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"x\"]}","Event":"{\"id\":\"1\",\"account\":\"1\",\"source\":\"s\",\"time\":\"2026-01-02T03:04:05Z\",\"region\":\"r\",\"detail-type\":\"t\"}"}`, `{"Result":false}`},
	} {
		if got := n.Must(t, c.op, c.body); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.op, c.body, got, c.want)
		}
	}
}

// A target that only the operator's file may declare can be put again by those
// who read it over the API, with its address and id.
func TestCommandsOfTheFileMayStay(t *testing.T) {
	n := start(t, bus.Options{})
	check(t, n.buses.PutRule(bus.Rule{Bus: bus.Default, Name: "r", Pattern: `{"a":[1]}`, Origin: "file"}))
	check(t, n.buses.PutTargets(bus.Default, "r", []bus.Target{{ID: "t", ARN: `command:["true"]`, Origin: "file"}}))
	n.Must(t, "PutTargets", `{"Rule":"r","Targets":[{"Id":"t","Arn":"command:[\"true\"]","InputPath":"$.detail"}]}`)
	for _, other := range []string{`{"Id":"u","Arn":"command:[\"true\"]"}`, `{"Id":"t","Arn":"command:[\"false\"]"}`} {
		if status, answer := n.Call(t, "PutTargets", `{"Rule":"r","Targets":[`+other+`]}`); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", other, status, answer)
		}
	}
	if answer := n.Must(t, "DescribeRule", `{"Name":"r"}`) + n.Must(t, "ListTargetsByRule", `{"Rule":"r"}`); strings.Contains(answer, "file") {
		t.Errorf("the origin is visible: %s", answer)
	}
}

// No request, however broken, is answered as the node's own fault.
func TestHostileRequests(t *testing.T) {
	n := full(t, bus.Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	seeds := append([]refusal{
		{op: "PutEvents", body: `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{\"a\":[1,{}]}","Time":1e9,"Resources":["x"]}]}`},
		{op: "PutTargets", body: `{"Rule":"full","Targets":[{"Id":"1","Arn":"http://127.0.0.1:1/","InputTransformer":{"InputPathsMap":{"a":"$.detail[0].x['y']"},"InputTemplate":"{\"a\":<a>,\"b\":\"<aws.events.rule-arn>\"}"}}]}`},
		{op: "PutRule", body: `{"Name":"full","EventPattern":"{\"a\":[{\"anything-but\":{\"prefix\":\"x\"}},{\"numeric\":[\">\",1]}],\"$or\":[{\"b\":[1]},{\"c\":[2]}]}"}`},
		{op: "TagResource", body: `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/full","Tags":[{"Key":"a","Value":"b"}]}`},
	}, refusals...)
	for range 4000 {
		s := seeds[rnd.IntN(len(seeds))]
		if len(s.body) > 4096 {
			continue
		}
		body := mutate(rnd, []byte(s.body))
		if status, answer := n.Call(t, s.op, string(body)); status >= 500 {
			t.Fatalf("%s %s: %d %s", s.op, body, status, answer)
		}
	}
	if n.Log.String() != "" {
		t.Error(n.Log)
	}
}

func mutate(rnd *rand.Rand, body []byte) []byte {
	for range rnd.IntN(4) {
		at := rnd.IntN(len(body) + 1)
		end := min(at+rnd.IntN(8), len(body))
		switch rnd.IntN(3) {
		case 0:
			body = append(body[:at:at], body[end:]...)
		case 1:
			body = append(append(body[:end:end], body[at:end]...), body[end:]...)
		default:
			body = append(append(body[:at:at], `"null]}<$.\é`[rnd.IntN(12)]), body[at:]...)
		}
	}
	return body
}

// An entry may name its group and a deduplication id; a repeat answers with the
// first one's event.
func TestDeduplicationID(t *testing.T) {
	n := start(t, bus.Options{})
	const entry = `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}","EventGroupId":"g","DeduplicationId":"d"}]}`
	first, again := n.Must(t, "PutEvents", entry), n.Must(t, "PutEvents", entry)
	if !strings.Contains(first, `"SuccessCode":"PUBLISHED"`) || again != strings.Replace(first, "PUBLISHED", "DEDUPLICATED", 1) {
		t.Errorf("%s, then %s", first, again)
	}
	check(t, n.buses.Events(bus.Default, 0, func(_ uint64, e *event.Event) bool {
		if e.Group != "g" {
			t.Errorf("the event is of the group %q", e.Group)
		}
		return true
	}))
}
