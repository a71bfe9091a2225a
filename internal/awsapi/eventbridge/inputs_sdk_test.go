package eventbridge_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
)

// inputDetail is the detail of the event that the transformers were recorded
// with.
const inputDetail = `{"command":"update-account","payload":{"acc_id":"0a787ecb-4015","sf_id":"baz"},"listsingle":["HIGH"],"listmulti":["ACTIVE","INACTIVE"],"valid":true,"n":1.50,"none":null,"quote":"say \"hi\""}`

var inputPaths = map[string]string{
	"userId": "$.detail.payload.acc_id", "payload": "$.detail.payload", "command": "$.detail.command", "detail-type": "$.detail-type", "time": "$.time",
	"one": "$.detail.listsingle", "many": "$.detail.listmulti", "first": "$.detail.listmulti[0]", "all": "$.detail.listmulti[*]", "valid": "$.detail.valid",
	"n": "$.detail.n", "none": "$.detail.none", "quote": "$.detail.quote", "missing": "$.detail.nothing",
}

const dead = "dead letter"

// templates are recorded transformers with what they yield; dead is what
// EventBridge drops without a word.
var templates = map[string]string{
	// texts
	`"Event of <detail-type> at <time>, from <command>"`: `"Event of T at 2026-01-02T03:04:05Z, from update-account"`,
	`"info <missing> here"`:                              `"info  here"`,
	`"{[/Check with <command>"`:                          `"{[/Check with update-account"`,
	`"Payload of <payload> and <userId>"`:                `"Payload of {acc_id:0a787ecb-4015,sf_id:baz} and 0a787ecb-4015"`,
	`"<one> single list item"`:                           `"[HIGH] single list item"`,
	`"<many> items, the first <first>"`:                  `"[ACTIVE,INACTIVE] items, the first ACTIVE"`,
	"\"<one> line\"\n\"<many> line\"":                    "\"[HIGH] line\"\n\"[ACTIVE,INACTIVE] line\"",
	`"It is <valid>, <n> and <none>"`:                    `"It is true, 1.50 and null"`,
	`"<aws.events.rule-name> <aws.events.rule-arn>"`:     `"r arn:aws:events:us-east-1:000000000000:rule/r"`,
	// JSON
	`{"a": <command>, "b": <n>, "c": <valid>, "d": <none>, "e": <many>, "f": <payload>}`: `{"a":"update-account","b":1.50,"c":true,"d":null,"e":["ACTIVE","INACTIVE"],"f":{"acc_id":"0a787ecb-4015","sf_id":"baz"}}`,
	`{"a": <missing>, "b": "<missing>"}`:                                                 `{"a":"","b":""}`,
	`{"path": "users/<userId>/second/<userId>"}`:                                         `{"path":"users/0a787ecb-4015/second/0a787ecb-4015"}`,
	`{"deep": {"deep": {"deep": "<userId>"}}}`:                                           `{"deep":{"deep":{"deep":"0a787ecb-4015"}}}`,
	`[<userId>, "hardcoded", <first>]`:                                                   `["0a787ecb-4015","hardcoded","ACTIVE"]`,
	`{"all": <all>}`:                                                                     `{"all":["ACTIVE","INACTIVE"]}`,
	`{"q": <quote>}`:                                                                     `{"q":"say \"hi\""}`,
	`{"rule": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>}`:        `{"rule":"r","at":"2026-01-02T03:04:05Z"}`,
	`{"event": <aws.events.event>}`:                                                      `{"event":{"id":"ID","account":"000000000000","detailType":"T","time":"2026-01-02T03:04:05Z","source":"s","region":"us-east-1","resources":[],"version":"0"}}`,
	`{"whole": <aws.events.event.json>}`:                                                 `{"whole":WHOLE}`,
	// what does not come to JSON
	`{"payload": "<payload>"}`:             dead,
	`{"item": "<one>"}`:                    dead,
	`{"q": "<quote>"}`:                     dead,
	`<one> single list item`:               dead,
	`{"whole": "<aws.events.event.json>"}`: dead,
}

// Each form of input over the wire: what a target gets, and, where EventBridge
// drops an event in silence, the dead letter.
func TestSDKInputs(t *testing.T) {
	n := start(t, bus.Options{})
	c, ctx := n.sdk(), t.Context()
	bodies := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
	}))
	t.Cleanup(hook.Close)
	_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
	check(t, err)
	sent := func(target types.Target) string {
		t.Helper()
		target.Id, target.Arn = aws.String("t"), &hook.URL
		_, err := c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target}})
		check(t, err)
		put, err := c.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{
			{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(inputDetail), Time: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))},
		}})
		check(t, err)
		return n.sent(t, bodies, *put.Entries[0].EventId)
	}
	whole := `{"version":"0","id":"ID","detail-type":"T","source":"s","account":"000000000000","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":[],"detail":` + inputDetail + `}`
	for want, target := range map[string]types.Target{
		whole:               {},
		`{"given": [1, 2]}`: {Input: aws.String(`{"given": [1, 2]}`)},
		`"baz"`:             {InputPath: aws.String("$.detail.payload.sf_id")},
		`["HIGH"]`:          {InputPath: aws.String("$.detail.listsingle")},
		`"INACTIVE"`:        {InputPath: aws.String("$.detail.listmulti[1]")},
		inputDetail:         {InputPath: aws.String("$.detail")},
		dead:                {InputPath: aws.String("$.detail.nothing")},
	} {
		if got := sent(target); got != want {
			t.Errorf("%v %v: %s, want %s", aws.ToString(target.Input), aws.ToString(target.InputPath), got, want)
		}
	}
	for template, want := range templates {
		got := sent(types.Target{InputTransformer: &types.InputTransformer{InputPathsMap: inputPaths, InputTemplate: &template}})
		if want = strings.ReplaceAll(want, "WHOLE", whole); got != want {
			t.Errorf("%s\n got %s\nwant %s", template, got, want)
		}
	}
}

// sent returns what a target is sent of an event, with ID for the event's id,
// or dead if the event becomes a dead letter for its input.
func (n *node) sent(t *testing.T, bodies <-chan string, id string) string {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case body := <-bodies:
			return strings.ReplaceAll(body, id, "ID")
		case <-tick.C:
			var letters []delivery.DeadLetter
			check(t, n.queues.DeadLetters(t.Context(), delivery.DeadFilter{}, func(d delivery.DeadLetter) bool { letters = append(letters, d); return true }))
			for _, d := range letters {
				if d.Event.ID == id && d.Code == delivery.CodeInput && d.Msg != "" {
					return dead
				}
			}
		case <-deadline:
			t.Fatal("neither delivered nor dead")
		}
	}
}

// Inputs that PutTargets refuses, with the service's words.
func TestSDKInputErrors(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
	check(t, err)
	transform := func(template string, paths map[string]string) types.Target {
		return types.Target{InputTransformer: &types.InputTransformer{InputTemplate: &template, InputPathsMap: paths}}
	}
	many := map[string]string{}
	for i := range 101 {
		many[fmt.Sprint("p", i)] = "$.detail"
	}
	const constraint = "1 validation error detected: Value '"
	for want, target := range map[string]types.Target{
		"Only one of Input, InputPath, or InputTransformer must be provided for target t.": {Input: aws.String("{}"), InputPath: aws.String("$")},
		"InputTemplate for target t contains invalid placeholder key.":                     transform(`"<key>"`, nil),
		"InputTemplate for target t contains invalid placeholder aws.events.rule.":         transform(`"<aws.events.rule>"`, nil),
		"Invalid InputTemplate for target t : the input template does not yield JSON":      transform(`{"a": <a>`, map[string]string{"a": "$.a"}),
		"Invalid InputPathsMap for target t : \"$..a\" is not a JSON path":                 transform(`"<a>"`, map[string]string{"a": "$..a"}),
		"Invalid InputPath for target t : \"detail\" is not a JSON path":                   {InputPath: aws.String("detail")},
		"JSON syntax error in input for target t.":                                         {Input: aws.String("{")},
		constraint + strings.Repeat("x", 8193) + "' at 'targets.1.member.inputTransformer.inputTemplate' failed to satisfy constraint: Member must have length less than or equal to 8192": transform(strings.Repeat("x", 8193), nil),
		constraint + "$." + strings.Repeat("x", 255) + "' at 'targets.1.member.inputPath' failed to satisfy constraint: Member must have length less than or equal to 256":                 {InputPath: aws.String("$." + strings.Repeat("x", 255))},
	} {
		target.Id, target.Arn = aws.String("t"), aws.String("log:x")
		_, err := c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target}})
		failsWith(t, err, want)
	}
	for _, paths := range []map[string]string{many, {"AWS.x": "$"}, {"a b": "$"}, {strings.Repeat("k", 257): "$"}, {"k": "$." + strings.Repeat("v", 255)}} {
		target := transform(`"x"`, paths)
		target.Id, target.Arn = aws.String("t"), aws.String("log:x")
		_, err := c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target}})
		failsWith(t, err, "")
	}
}
