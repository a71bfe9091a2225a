package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/campaigntest"
)

// A step is one call and what it must answer.
type step struct {
	op, in string
	// want is part of the answer: members that it lacks may have any value. A
	// text that begins with @ is remembered, and stands for what it was in the
	// calls that follow.
	want string
	// fails is the exception that is wanted instead.
	fails string
	// patient repeats the call until it answers what is wanted.
	patient bool
}

const busARN = eventsARN + "event-bus/main"

// busSteps call each operation that is offered, as its users do.
var busSteps = []step{
	{op: "CreateEventBus", in: `{"Name":"main","Tags":[{"Key":"k","Value":"v"}]}`, want: `{"EventBusArn":"` + busARN + `"}`},
	{op: "CreateEventBus", in: `{"Name":"main"}`, fails: "ResourceAlreadyExistsException"},
	{op: "DescribeEventBus", in: `{"Name":"main"}`, want: `{"Name":"main","Arn":"` + busARN + `"}`},
	{op: "UpdateEventBus", in: `{"Name":"main","Description":"all of it"}`, want: `{"Name":"main","Arn":"` + busARN + `","Description":"all of it"}`},
	{op: "PutPermission", in: `{"EventBusName":"main","Action":"events:PutEvents","Principal":"111122223333","StatementId":"s1"}`},
	{op: "PutPermission", in: `{"EventBusName":"main","Action":"events:PutEvents","Principal":"*","StatementId":"s2","Condition":{"Type":"StringEquals","Key":"aws:PrincipalOrgID","Value":"o-1"}}`},
	{op: "RemovePermission", in: `{"EventBusName":"main","StatementId":"s2"}`},
	{op: "RemovePermission", in: `{"EventBusName":"main","StatementId":"s2"}`, fails: "ResourceNotFoundException"},
	{op: "DescribeEventBus", in: `{"Name":"main"}`, want: `{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"s1\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},\"Action\":\"events:PutEvents\",\"Resource\":\"` + busARN + `\"}]}"}`},
	{op: "ListEventBuses", in: `{"NamePrefix":"m","Limit":5}`, want: `{"EventBuses":[{"Name":"main"}]}`},
	{op: "PutRule", in: `{"Name":"r","EventBusName":"main","EventPattern":"{\"source\":[\"s\"]}","State":"DISABLED"}`, want: `{"RuleArn":"` + eventsARN + `rule/main/r"}`},
	{op: "PutRule", in: `{"Name":"r","EventBusName":"main","EventPattern":"{\"source\":1}"}`, fails: "InvalidEventPatternException"},
	{op: "PutRule", in: `{"Name":"tick","ScheduleExpression":"rate(1 day)"}`, want: `{"RuleArn":"` + eventsARN + `rule/tick"}`},
	{op: "DescribeRule", in: `{"Name":"r","EventBusName":"main"}`, want: `{"Name":"r","State":"DISABLED","EventPattern":"{\"source\":[\"s\"]}"}`},
	{op: "DescribeRule", in: `{"Name":"nobody"}`, fails: "ResourceNotFoundException"},
	{op: "EnableRule", in: `{"Name":"r","EventBusName":"main"}`},
	{op: "ListRules", in: `{"EventBusName":"main","NamePrefix":"r"}`, want: `{"Rules":[{"Name":"r","State":"ENABLED"}]}`},
	{op: "DisableRule", in: `{"Name":"tick"}`},
	{op: "PutTargets", in: `{"Rule":"r","EventBusName":"main","Targets":[{"Id":"t","Arn":"log:walk","InputTransformer":{"InputPathsMap":{"n":"$.detail.n"},"InputTemplate":"{\"n\":<n>}"},
		"RetryPolicy":{"MaximumRetryAttempts":3,"MaximumEventAgeInSeconds":600}}]}`, want: `{"FailedEntryCount":0}`},
	{op: "ListTargetsByRule", in: `{"Rule":"r","EventBusName":"main"}`, want: `{"Targets":[{"Id":"t","Arn":"log:walk","InputTransformer":{"InputPathsMap":{"n":"$.detail.n"},"InputTemplate":"{\"n\":<n>}"},
		"RetryPolicy":{"MaximumRetryAttempts":3,"MaximumEventAgeInSeconds":600}}]}`},
	{op: "ListRuleNamesByTarget", in: `{"TargetArn":"log:walk","EventBusName":"main"}`, want: `{"RuleNames":["r"]}`},
	{op: "TagResource", in: `{"ResourceARN":"` + busARN + `","Tags":[{"Key":"l","Value":"w"}]}`},
	{op: "UntagResource", in: `{"ResourceARN":"` + busARN + `","TagKeys":["k"]}`},
	{op: "ListTagsForResource", in: `{"ResourceARN":"` + busARN + `"}`, want: `{"Tags":[{"Key":"l","Value":"w"}]}`},
	{op: "TestEventPattern", in: `{"EventPattern":"{\"detail\":{\"n\":[{\"numeric\":[\">\",1]}]}}","Event":"{\"id\":\"1\",\"account\":\"1\",\"source\":\"s\",\"time\":\"2026-01-02T03:04:05Z\",\"region\":\"r\",\"detail-type\":\"t\",\"detail\":{\"n\":2}}"}`, want: `{"Result":true}`},
	{op: "CreateArchive", in: `{"ArchiveName":"kept","EventSourceArn":"` + busARN + `","RetentionDays":7}`, want: `{"ArchiveArn":"` + eventsARN + `archive/kept","State":"ENABLED"}`},
	{op: "UpdateArchive", in: `{"ArchiveName":"kept","Description":"all"}`, want: `{"ArchiveArn":"` + eventsARN + `archive/kept"}`},
	{op: "PutEvents", in: `{"Entries":[{"EventBusName":"main","Source":"s","DetailType":"T","Detail":"{\"n\":1}","Time":"2026-01-02T03:04:05Z","Resources":["x"]},{"EventBusName":"main","Source":"s","DetailType":"T","Detail":"[]"}]}`,
		want: `{"FailedEntryCount":1,"Entries":[{"EventId":"@id"},{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}]}`},
	{op: "DescribeArchive", in: `{"ArchiveName":"kept"}`, want: `{"ArchiveName":"kept","EventCount":1,"RetentionDays":7,"Description":"all","EventSourceArn":"` + busARN + `"}`},
	{op: "ListArchives", in: `{"NamePrefix":"k"}`, want: `{"Archives":[{"ArchiveName":"kept","EventCount":1}]}`},
	{op: "StartReplay", in: `{"ReplayName":"again","EventSourceArn":"` + eventsARN + `archive/kept","EventStartTime":"2026-01-02T00:00:00Z","EventEndTime":"2026-01-03T00:00:00Z","Destination":{"Arn":"` + busARN + `"}}`,
		want: `{"ReplayArn":"` + eventsARN + `replay/again","State":"STARTING"}`},
	{op: "DescribeReplay", in: `{"ReplayName":"again"}`, want: `{"ReplayName":"again","State":"COMPLETED","Destination":{"Arn":"` + busARN + `"}}`, patient: true},
	{op: "ListReplays", in: `{"State":"COMPLETED"}`, want: `{"Replays":[{"ReplayName":"again"}]}`},
	{op: "CancelReplay", in: `{"ReplayName":"again"}`, fails: "IllegalStatusException"},
	{op: "CreateConnection", in: `{"Name":"conn","AuthorizationType":"BASIC","AuthParameters":{"BasicAuthParameters":{"Username":"u","Password":"p"}}}`, want: `{"ConnectionArn":"@conn","ConnectionState":"AUTHORIZED"}`},
	{op: "UpdateConnection", in: `{"Name":"conn","Description":"mine"}`, want: `{"ConnectionArn":"@conn"}`},
	{op: "DescribeConnection", in: `{"Name":"conn"}`, want: `{"ConnectionArn":"@conn","Description":"mine","AuthParameters":{"BasicAuthParameters":{"Username":"u"}}}`},
	{op: "ListConnections", in: `{"NamePrefix":"c"}`, want: `{"Connections":[{"Name":"conn"}]}`},
	{op: "CreateApiDestination", in: `{"Name":"dest","ConnectionArn":"@conn","InvocationEndpoint":"https://example.com/*","HttpMethod":"POST","InvocationRateLimitPerSecond":9}`, want: `{"ApiDestinationArn":"@dest","ApiDestinationState":"ACTIVE"}`},
	{op: "UpdateApiDestination", in: `{"Name":"dest","HttpMethod":"PUT"}`, want: `{"ApiDestinationArn":"@dest"}`},
	{op: "DescribeApiDestination", in: `{"Name":"dest"}`, want: `{"ApiDestinationArn":"@dest","HttpMethod":"PUT","InvocationRateLimitPerSecond":9,"ConnectionArn":"@conn"}`},
	{op: "ListApiDestinations", in: `{"ConnectionArn":"@conn"}`, want: `{"ApiDestinations":[{"Name":"dest"}]}`},
	{op: "DeauthorizeConnection", in: `{"Name":"conn"}`, want: `{"ConnectionArn":"@conn"}`},
	{op: "DeleteApiDestination", in: `{"Name":"dest"}`},
	{op: "DeleteConnection", in: `{"Name":"conn"}`, want: `{"ConnectionArn":"@conn"}`},
	{op: "RemoveTargets", in: `{"Rule":"r","EventBusName":"main","Ids":["t","u"]}`, want: `{"FailedEntryCount":1,"FailedEntries":[{"TargetId":"u","ErrorCode":"ResourceNotFoundException"}]}`},
	{op: "DeleteArchive", in: `{"ArchiveName":"kept"}`},
	{op: "DeleteRule", in: `{"Name":"r","EventBusName":"main"}`},
	{op: "DeleteEventBus", in: `{"Name":"main"}`},
	{op: "ListEndpoints", in: `{}`, fails: "UnknownOperationException"},
}

// errUnknown says that a client is too old for an operation.
var errUnknown = errors.New("the client does not know the operation")

// A caller makes a call and returns the answer as JSON, or the exception.
type caller func(op string, in []byte) (out []byte, exception string, err error)

// TestBusClients calls each operation of EventBridge that is offered with the
// AWS SDKs for Go and JavaScript and with the AWS CLI.
func TestBusClients(t *testing.T) {
	for name, client := range map[string]func(*testing.T, *campaigntest.Process) caller{"Go": goCaller, "JavaScript": scriptCaller, "CLI": cliCaller} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := campaigntest.StartNode(t, filepath.Join(t.TempDir(), "data"), emptyConfig(t))
			t.Cleanup(p.Kill)
			walkBuses(t, client(t, p))
		})
	}
}

// walkBuses takes all steps, and fails if they leave out what is offered.
func walkBuses(t *testing.T, call caller) {
	called, names := map[string]bool{}, map[string]string{}
	for _, s := range busSteps {
		in := s.in
		for name, value := range names {
			in = strings.ReplaceAll(in, `"`+name+`"`, `"`+value+`"`)
		}
		err := s.take(t.Context(), call, []byte(in), names)
		if errors.Is(err, errUnknown) {
			t.Logf("%s: %v", s.op, err)
		} else if err != nil {
			t.Errorf("%s %s: %v", s.op, in, err)
		}
		called[s.op] = true
	}
	for _, o := range eventbridge.Operations() {
		if o.Status != awsjson.None && !called[o.Name] {
			t.Errorf("%s is offered and was not called", o.Name)
		}
	}
}

// take makes the call of a step and checks its answer.
func (s *step) take(ctx context.Context, call caller, in []byte, names map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		out, exception, err := call(s.op, in)
		switch {
		case err != nil:
		case exception != s.fails:
			err = fmt.Errorf("exception %q, want %q", exception, s.fails)
		case s.want != "":
			err = s.compare(out, names)
		}
		if err == nil || !s.patient {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// compare checks that an answer holds what is wanted.
func (s *step) compare(out []byte, names map[string]string) error {
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(s.want), &want), json.Unmarshal(out, &got)); err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	if !holds(got, want, names) {
		return fmt.Errorf("answered %s, want %s", out, s.want)
	}
	return nil
}

// holds reports whether got has all that want has.
func holds(got, want any, names map[string]string) bool {
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		for name, value := range want {
			ok = ok && holds(members[name], value, names)
		}
		return ok
	case []any:
		list, ok := got.([]any)
		ok = ok && len(list) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = holds(list[i], want[i], names)
		}
		return ok
	case string:
		text, ok := got.(string)
		if known, is := names[want]; is {
			return text == known
		} else if strings.HasPrefix(want, "@") {
			names[want] = text
			return ok && text != ""
		}
	}
	return got == want
}

// sdkAnswers leaves out the metadata of answers, which has no members.
var sdkAnswers = json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, _ middleware.Metadata) error { return enc.WriteToken(jsontext.Null) }))

// goCaller calls with the AWS SDK for Go.
func goCaller(t *testing.T, p *campaigntest.Process) caller {
	client := reflect.ValueOf(buses(p))
	return func(op string, in []byte) ([]byte, string, error) {
		method := client.MethodByName(op)
		if !method.IsValid() {
			return nil, "", errUnknown
		}
		input := reflect.New(method.Type().In(1).Elem())
		if err := json.Unmarshal(in, input.Interface(), json.MatchCaseInsensitiveNames(true)); err != nil {
			return nil, "", err
		}
		result := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
		var exception smithy.APIError
		switch err, _ := result[1].Interface().(error); {
		case errors.As(err, &exception):
			return nil, exception.ErrorCode(), nil
		case err != nil:
			return nil, "", err
		}
		out, err := json.Marshal(result[0].Interface(), sdkAnswers)
		return out, "", err
	}
}

// scriptCaller calls with the AWS SDK for JavaScript, in one process.
func scriptCaller(t *testing.T, p *campaigntest.Process) caller {
	dir := filepath.Join(repository, "test/clients")
	if _, err := os.Stat(filepath.Join(dir, "node_modules/@aws-sdk/client-eventbridge")); err != nil {
		t.Skip("the AWS SDK for JavaScript is not installed: run test/install")
	}
	cmd := exec.Command("node", "events.mjs")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, clientEnviron(p), p.Output
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	return func(op string, in []byte) ([]byte, string, error) {
		call, err := json.Marshal(map[string]any{"op": op, "in": jsontext.Value(in)})
		if err != nil {
			return nil, "", err
		}
		if _, err := stdin.Write(append(call, '\n')); err != nil {
			return nil, "", err
		}
		if !lines.Scan() {
			return nil, "", errors.Join(io.ErrUnexpectedEOF, lines.Err(), errors.New(p.Output.String()))
		}
		var answer struct {
			Out   jsontext.Value
			Error string
		}
		err = json.Unmarshal(lines.Bytes(), &answer, json.MatchCaseInsensitiveNames(true))
		return answer.Out, answer.Error, err
	}
}

var (
	wordStart = regexp.MustCompile(`([a-z])([A-Z])`)
	cliError  = regexp.MustCompile(`An error occurred \((\w+)\)`)
)

// cliCaller calls with the AWS CLI, Debian's old one if it is there. Each call
// takes a good part of a second.
func cliCaller(t *testing.T, p *campaigntest.Process) caller {
	if testing.Short() {
		t.Skip("the AWS CLI takes its time")
	}
	path := "/usr/bin/aws"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("aws"); err != nil {
			t.Skip("the AWS CLI is not installed: run test/install")
		}
	}
	return func(op string, in []byte) ([]byte, string, error) {
		name := strings.ToLower(wordStart.ReplaceAllString(op, "$1-$2"))
		cmd := exec.CommandContext(t.Context(), path, "events", name, "--cli-input-json", string(in), "--endpoint-url", p.Endpoint, "--output", "json", "--no-paginate")
		cmd.Env = append(clientEnviron(p), "AWS_MAX_ATTEMPTS=1")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		found := cliError.FindStringSubmatch(stderr.String())
		switch {
		case err == nil:
			return out, "", nil
		case found != nil:
			return nil, found[1], nil
		case strings.Contains(stderr.String(), "Invalid choice"):
			return nil, "", errUnknown
		}
		return nil, "", fmt.Errorf("%w: %s", err, stderr.String())
	}
}
