package eventbridge_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/bus"
)

// put returns a request that puts an event with a detail.
func put(detail string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(detail)
	return `{"Entries":[{"Source":"s","DetailType":"t","Detail":"` + quoted + `"}]}`
}

// Requests and events that are made to cost memory are refused in the service's
// words, or taken where it takes them, in memory that is in proportion to them.
func TestHostileEvents(t *testing.T) {
	n := start(t, bus.Options{})
	n.Must(t, "PutRule", `{"Name":"r","EventPattern":"{\"detail\":{\"a\":{\"b\":[1]}}}"}`)
	const mega = 1 << 20
	for name, c := range map[string]struct {
		op, body string
		status   int
		says     string
	}{
		"1000 levels":              {"PutEvents", put(strings.Repeat(`{"a":`, 999) + "{}" + strings.Repeat("}", 999)), 200, `"FailedEntryCount":0`},
		"1001 levels":              {"PutEvents", put(strings.Repeat(`{"a":`, 1000) + "{}" + strings.Repeat("}", 1000)), 200, `"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."`},
		"100,000 levels":           {"PutEvents", put(`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"), 200, `"ErrorCode":"MalformedDetail"`},
		"levels without an end":    {"PutEvents", put(strings.Repeat(`{"a":`, 100_000)), 200, `"ErrorCode":"MalformedDetail"`},
		"a request of levels":      {"PutEvents", strings.Repeat(`{"Entries":`, 50_000), 400, "SerializationException"},
		"a member of levels":       {"PutEvents", `{"Unknown":` + strings.Repeat("[", 100_000), 400, "SerializationException"},
		"empty objects":            {"PutEvents", put(`{"a":[` + strings.Repeat("{},", mega/3-100) + `{}]}`), 200, `"FailedEntryCount":0`},
		"empty objects, too many":  {"PutEvents", put(`{"a":[` + strings.Repeat("{},", mega/3) + `{}]}`), 400, "Total size of the entries in the request is over the limit."},
		"empty entries":            {"PutEvents", `{"Entries":[` + strings.Repeat("{},", mega/3) + `{}]}`, 400, "Member must have length less than or equal to 10"},
		"empty targets":            {"PutTargets", `{"Rule":"r","Targets":[` + strings.Repeat("{},", mega/3) + `{}]}`, 400, "Member must have length less than or equal to 100"},
		"empty tags":               {"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/r","Tags":[` + strings.Repeat("{},", mega/3) + `{}]}`, 400, "ValidationException"},
		"empty tag keys":           {"UntagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/r","TagKeys":[` + strings.Repeat(`"",`, mega/3) + `""]}`, 400, "ValidationException"},
		"empty ids":                {"RemoveTargets", `{"Rule":"r","Ids":[` + strings.Repeat(`"",`, mega/3) + `""]}`, 400, "ValidationException"},
		"empty objects, unknown":   {"PutEvents", `{"Unknown":[` + strings.Repeat("{},", mega/3) + `{}],"Entries":[]}`, 400, "Member must have length greater than or equal to 1"},
		"invalid UTF-8":            {"PutEvents", put(`{"a":"` + strings.Repeat("\xff\xc0\xaf", 1000) + `"}`), 400, "SerializationException"},
		"half of a pair":           {"PutEvents", put(`{"a":"\ud800"}`), 200, `"ErrorCode":"MalformedDetail"`},
		"duplicate names":          {"PutEvents", put(`{"a":{"b":1},"a":{"b":2}}`), 200, `"FailedEntryCount":0`},
		"duplicate members":        {"PutEvents", `{"Entries":[],"Entries":[]}`, 400, "SerializationException"},
		"duplicate entry members":  {"PutEvents", `{"Entries":[{"Source":"s","Source":"aws.s","DetailType":"t","Detail":"{}"}]}`, 400, "SerializationException"},
		"10 MB":                    {"PutEvents", put(`{"a":"` + strings.Repeat("x", 10*mega) + `"}`), 400, "Total size of the entries in the request is over the limit."},
		"10 MB of empty objects":   {"PutEvents", put(`{"a":[` + strings.Repeat("{},", 10*mega/3) + `{}]}`), 400, "Total size of the entries in the request is over the limit."},
		"a large number":           {"PutEvents", put(`{"a":` + strings.Repeat("9", 1<<19) + `}`), 200, `"FailedEntryCount":0`},
		"a pattern of levels":      {"PutRule", `{"Name":"x","EventPattern":"` + strings.Repeat(`{\"a\":`, 300) + `"}`, 400, "InvalidEventPatternException"},
		"a pattern without limits": {"PutRule", `{"Name":"x","EventPattern":"{\"a\":[` + strings.Repeat("1,", mega) + `1]}"}`, 400, "Member must have length less than or equal to 4096"},
		"a pattern of choices":     {"PutRule", `{"Name":"x","EventPattern":"{` + strings.Repeat(`\"$or\":[{\"a\":[1]},{\"b\":[1]}],\"x\":{`, 12) + strings.Repeat("}", 13) + `"}`, 400, "InvalidEventPatternException"},
		"an event to test":         {"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"` + strings.Repeat(`{\"a\":`, 20_000) + `"}`, 400, "Parameter Event is not valid."},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			status, answer := n.Call(t, c.op, c.body)
			runtime.ReadMemStats(&after)
			if status != c.status || !strings.Contains(answer, c.says) {
				t.Errorf("%d %.300s, want %d %s", status, answer, c.status, c.says)
			}
			// The reader of the body doubles its room as it grows, the client of
			// the test holds it, too, and an error repeats what it refuses.
			if used, most := after.TotalAlloc-before.TotalAlloc, uint64(24*len(c.body)+4*mega); used > most {
				t.Errorf("%d bytes for a request of %d", used, len(c.body))
			}
		})
	}
	if status, answer := n.Call(t, "PutEvents", strings.Repeat(" ", 20*mega)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("20 MB: %d %s", status, answer)
	}
	if n.Log.String() != "" {
		t.Error(n.Log)
	}
	n.Must(t, "PutEvents", put(`{"a":{"b":1}}`))
}
