package bus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
)

// sample is the event that the vectors recorded from the service use.
var sample = &event.Event{
	ID: "id-1", Source: "core.update-account-command", DetailType: "core.update-account-command", Account: "111111111111", Region: "us-east-1",
	Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	Detail: []byte(`{"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},
		"listsingle": ["HIGH"], "listmulti": ["ACTIVE", "INACTIVE"], "valid": true, "n": 1.50, "none": null, "quote": "say \"hi\"",
		"items": [{"a/b": 1}, {"a/b": "x"}], "twice": 1, "twice": 2}`),
}

func TestPaths(t *testing.T) {
	doc := sample.AppendJSON(nil)
	for src, want := range map[string]string{
		"$":                         string(doc),
		"$.id":                      `"id-1"`,
		"$.detail-type":             `"core.update-account-command"`,
		"$.detail.payload":          `{"acc_id":"0a787ecb-4015","sf_id":"baz"}`,
		"$.detail.payload.sf_id":    `"baz"`,
		"$['detail'][\"n\"]":        `1.50`,
		"$.detail.listmulti[1]":     `"INACTIVE"`,
		"$.detail.listmulti[2]":     "nothing",
		"$.detail.listmulti.x":      "nothing",
		"$.detail[0]":               "nothing",
		"$.detail.n.x":              "nothing",
		"$.detail.missing.x":        "nothing",
		"$.detail.none":             "null",
		"$.detail.items[1].a/b":     `"x"`,
		"$.detail.items[*].a/b":     `[1,"x"]`,
		"$.detail.items.*":          `[{"a/b":1},{"a/b":"x"}]`,
		"$.detail.payload.*":        `["0a787ecb-4015","baz"]`,
		"$.detail.items[*].z":       `[]`,
		"$.detail.twice":            `2`,
		"$.resources":               `[]`,
		"detail":                    "bad",
		"":                          "bad",
		"$detail":                   "bad",
		"$.":                        "bad",
		"$..a":                      "bad",
		"$.a.":                      "bad",
		"$.a[":                      "bad",
		"$.a[*":                     "bad",
		"$.a[x]":                    "bad",
		"$.a[-1]":                   "bad",
		"$.a[1:2]":                  "bad",
		"$.a['b]":                   "bad",
		"$.a['']":                   "bad",
		"$.a[?(@.b)]":               "bad",
		"$.a*":                      "bad",
		"$.a b":                     "bad",
		"$.a[99999999999999999999]": "bad",
	} {
		p, err := parsePath(src)
		got := "bad"
		if err == nil {
			got = "nothing"
			if v, ok := p.find(doc); ok {
				got = string(v)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

// input makes the input of a target for the sample.
func input(t *testing.T, target Target) (string, error) {
	t.Helper()
	p, err := target.policy("arn:aws:events:us-east-1:111111111111:rule/main/r", "r")
	if err != nil {
		return "", err
	}
	if p.Input == nil {
		return string(sample.AppendJSON(nil)), nil
	}
	body, err := p.Input(sample)
	return string(body), err
}

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{}, string(sample.AppendJSON(nil))},
		{Target{InputPath: "$"}, string(sample.AppendJSON(nil))},
		{Target{InputPath: "$.detail.payload"}, `{"acc_id":"0a787ecb-4015","sf_id":"baz"}`},
		{Target{InputPath: "$.detail.payload.sf_id"}, `"baz"`},
		{Target{Input: ` {"as": "given", "as": 1}`}, ` {"as": "given", "as": 1}`},
		{Target{Input: `"text"`}, `"text"`},
	} {
		got, err := input(t, c.target)
		if err != nil || got != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.target, got, err, c.want)
		}
	}
	if _, err := input(t, Target{InputPath: "$.detail.missing"}); err == nil || !strings.Contains(err.Error(), "$.detail.missing") {
		t.Errorf("a path to nothing: %v", err)
	}
}

// Templates yield what was recorded from the service; those that it does not
// deliver fail.
func TestTemplates(t *testing.T) {
	paths := map[string]string{
		"userId": "$.detail.payload.acc_id", "payload": "$.detail.payload", "systemstring": "$.detail.awsAccountId",
		"listsingle": "$.detail.listsingle", "listmulti": "$.detail.listmulti", "valid": "$.detail.valid",
		"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command", "missing": "$.detail.notinmessage",
		"n": "$.detail.n", "none": "$.detail.none", "quote": "$.detail.quote",
	}
	const failed = "not delivered"
	for template, want := range map[string]string{
		`"Event of <detail-type> type, at time <timestamp>, info extracted from detail <command>"`: `"Event of core.update-account-command type, at time 2026-01-02T03:04:05Z, info extracted from detail update-account"`,
		`"Event of <detail-type> type, info extracted from detail <missing>"`:                      `"Event of core.update-account-command type, info extracted from detail "`,
		`"{[/Check with special starting characters for event of <detail-type> type"`:              `"{[/Check with special starting characters for event of core.update-account-command type"`,
		`{"detailType": <detail-type>,  "time": <timestamp>, "command": <command>}`:                `{"detailType":"core.update-account-command","time":"2026-01-02T03:04:05Z","command":"update-account"}`,
		`{"detailType": <detail-type>,  "command": <missing>}`:                                     `{"detailType":"core.update-account-command","command":""}`,

		`{"method": "PUT", "path": "users-service/users/<userId>", "bod": <payload>}`: `{"method":"PUT","path":"users-service/users/0a787ecb-4015","bod":{"acc_id":"0a787ecb-4015","sf_id":"baz"}}`,
		`"Payload of <payload> with path users-service/users/<userId> and <userId>"`:  `"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with path users-service/users/0a787ecb-4015 and 0a787ecb-4015"`,
		`{"id" : <userId>}`:   `{"id":"0a787ecb-4015"}`,
		`{"id" : "<userId>"}`: `{"id":"0a787ecb-4015"}`,
		`{"method": "PUT", "path": "users-service/users/<userId>", "id": <userId>, "body": <payload>}`:                         `{"method":"PUT","path":"users-service/users/0a787ecb-4015","id":"0a787ecb-4015","body":{"acc_id":"0a787ecb-4015","sf_id":"baz"}}`,
		`{"method": "PUT", "path": "users-service/users/<userId>", "bod": [<userId>, "hardcoded"]}`:                            `{"method":"PUT","path":"users-service/users/0a787ecb-4015","bod":["0a787ecb-4015","hardcoded"]}`,
		`{"method": "PUT", "nested": {"level1": {"level2": {"level3": "users-service/users/<userId>"} } }, "bod": "<userId>"}`: `{"method":"PUT","nested":{"level1":{"level2":{"level3":"users-service/users/0a787ecb-4015"}}},"bod":"0a787ecb-4015"}`,
		`"<listsingle> single list item"`:   `"[HIGH] single list item"`,
		`"<listmulti> multiple list items"`: `"[ACTIVE,INACTIVE] multiple list items"`,
		`{"singlelistitem": <listsingle>}`:  `{"singlelistitem":["HIGH"]}`,
		`"<listsingle> single list item <listmulti> multiple list items <systemstring> system account id <payload> payload <userId> user id"`: `"[HIGH] single list item [ACTIVE,INACTIVE] multiple list items  system account id {acc_id:0a787ecb-4015,sf_id:baz} payload 0a787ecb-4015 user id"`,
		`{"multi_replacement": "users/<userId>/second/<userId>"}`:                                                                             `{"multi_replacement":"users/0a787ecb-4015/second/0a787ecb-4015"}`,
		"\"<listsingle> single list item\"\n\"<listmulti> multiple list items\"":                                                              "\"[HIGH] single list item\"\n\"[ACTIVE,INACTIVE] multiple list items\"",
		`"Command is <valid>!"`: `"Command is true!"`,

		`{"not_valid": "users-service/users/<payload>", "bod": <payload>}`: failed,
		`{"payload": "<payload>"}`:           failed,
		`{"singlelistitem": "<listsingle>"}`: failed,
		`<listsingle> single list item`:      failed,
		`{"q": "<quote>"}`:                   failed, // not escaped
		`{"q": <quote>}`:                     `{"q":"say \"hi\""}`,
		`"<quote>"`:                          `"say "hi""`,
		`<payload>`:                          `{"acc_id":"0a787ecb-4015","sf_id":"baz"}`,
		`[<n>, "<n>", <none>, "<none>", <valid>, "\"<userId>\""]`: `[1.50,"1.50",null,"null",true,"\"0a787ecb-4015\""]`,
		`{"a": "1 < 2 > 0 <", "b": <n>}`:                          `{"a":"1 < 2 > 0 <","b":1.50}`,

		`"Message containing all pre defined variables <aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"`: `"Message containing all pre defined variables arn:aws:events:us-east-1:111111111111:rule/main/r r 2026-01-02T03:04:05Z"`,
		`{"originalEvent": <aws.events.event>, "rule": <aws.events.rule-name>}`:                                                         `{"originalEvent":{"id":"id-1","account":"111111111111","detailType":"core.update-account-command","time":"2026-01-02T03:04:05Z","source":"core.update-account-command","region":"us-east-1","resources":[],"version":"0"},"rule":"r"}`,
		`{"originalEventJson": <aws.events.event.json>}`:                                                                                `{"originalEventJson":` + string(sample.AppendJSON(nil)) + `}`,
		`{"originalEventJson": "<aws.events.event.json>"}`:                                                                              failed,
	} {
		got, err := input(t, Target{Template: template, Paths: paths})
		if err != nil {
			got = failed
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s\n%v", template, got, want, err)
		}
	}
}

func TestInputErrors(t *testing.T) {
	for want, target := range map[string]Target{
		"Only one of Input, InputPath, or InputTransformer must be provided for target t.":  {Input: "1", InputPath: "$"},
		"Only one of Input, InputPath, or InputTransformer must be provided for target t. ": {InputPath: "$", Template: "1"},
		"JSON syntax error in input for target t.":                                          {Input: "{"},
		"Invalid InputPath for target t : \"x\" is not a JSON path":                         {InputPath: "x"},
		"Invalid InputPathsMap for target t : \"$..\" is not a JSON path":                   {Template: "1", Paths: map[string]string{"a": "$.."}},
		"InputTemplate for target t contains invalid placeholder notdefinedkey.":            {Template: `"a <notdefinedkey>"`, Paths: map[string]string{"a": "$.a"}},
		"InputTemplate for target t contains invalid placeholder aws.events.nothing.":       {Template: `"<aws.events.nothing>"`},
		"Invalid InputTemplate for target t : the input template does not yield JSON":       {Template: `{"a": <aws.events.event>`},
	} {
		target.ID = "t"
		var bad *InputError
		if err := target.Check(); !errors.As(err, &bad) || !strings.HasPrefix(bad.Msg, strings.TrimSpace(want)) || bad.Target != "t" {
			t.Errorf("%+v: %v, want %s", target, err, want)
		}
		w := memory(t, Options{})
		w.rule("r", "s")
		if err := w.PutTargets(Default, "r", []Target{target}); !errors.As(err, &bad) {
			t.Errorf("put %+v: %v", target, err)
		}
	}
}

// A target is sent its input, and its dead letter says why there is none.
func TestInputsAreDelivered(t *testing.T) {
	bubble(t, Options{}, func(w *world) {
		w.rule("r", "s")
		none := 0
		w.must(w.PutTargets(Default, "r", []Target{
			{ID: "path", ARN: "log:path", InputPath: "$.detail"},
			{ID: "missing", ARN: "log:missing", InputPath: "$.detail.x"},
			{ID: "template", ARN: "log:template", Template: `{"n": <n>, "rule": "<aws.events.rule-name>"}`, Paths: map[string]string{"n": "$.detail.n"}},
			{ID: "queue", ARN: "arn:aws:sqs:us-east-1:000000000000:q"},
			{ID: "once", ARN: "log:once", MaxRetries: &none},
		}))
		w.answer = func(arn string) error {
			if arn == "log:once" {
				return errors.New("down")
			}
			return nil
		}
		w.reopen()
		w.put("s")
		stop := w.run()
		after(time.Second)
		stop()
		equal(w.t, "path", w.bodies["log:path"], []string{`{"n":1}`})
		equal(w.t, "template", w.bodies["log:template"], []string{`{"n":1,"rule":"r"}`})
		var why []string
		for _, d := range w.deadLetters() {
			why = append(why, d.Queue.Target+" "+d.Code)
		}
		equal(w.t, "dead letters", why, []string{"missing INVALID_INPUT", "once UNAVAILABLE", "queue NO_RESOURCE"})
	})
}
