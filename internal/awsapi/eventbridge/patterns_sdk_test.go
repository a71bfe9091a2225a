package eventbridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/bus"
)

// accepted are tests of the member a of a detail, each with details that it
// wants (+) and does not want (-).
var accepted = []struct {
	test    string
	details []string
}{
	// exact values
	{`["x"]`, []string{`+{"a":"x"}`, `-{"a":"X"}`, `-{"a":"xx"}`, `-{}`, `+{"a":["y","x"]}`, `+{"a":[["y"],["x"]]}`}},
	{`[5]`, []string{`+{"a":5}`, `+{"a":5.0}`, `+{"a":5e0}`, `+{"a":0.5e1}`, `-{"a":"5"}`, `-{"a":5.0001}`}},
	{`[0]`, []string{`+{"a":-0}`, `+{"a":0.0}`}},
	{`[9007199254740993]`, []string{`+{"a":9007199254740993}`, `-{"a":9007199254740992}`}},
	{`[true]`, []string{`+{"a":true}`, `-{"a":"true"}`, `-{"a":false}`, `-{"a":1}`}},
	{`[null]`, []string{`+{"a":null}`, `-{"a":"null"}`, `-{}`, `-{"a":""}`}},
	{`[""]`, []string{`+{"a":""}`, `-{"a":null}`, `-{"a":" "}`}},
	{`["\u00e9"]`, []string{`+{"a":"é"}`, "-{\"a\":\"e\u0301\"}"}},
	{`["10.0.0.1"]`, []string{`+{"a":"10.0.0.1"}`, `-{"a":"10.0.0.01"}`}}, // by text, unlike EventBridge
	{`[{"exactly":"x"}]`, []string{`+{"a":"x"}`, `-{"a":"y"}`}},
	// exists
	{`[{"exists":true}]`, []string{`+{"a":null}`, `+{"a":""}`, `+{"a":[0]}`, `-{"a":[]}`, `-{"a":{}}`, `-{"b":1}`, `-{"a":{"b":1}}`}},
	{`[{"exists":false}]`, []string{`-{"a":null}`, `+{"a":[]}`, `+{"a":{}}`, `+{"b":1}`, `+{"a":{"b":1}}`}},
	{`[{"exists":false},null]`, []string{`+{"b":1}`, `+{"a":null}`, `-{"a":1}`}},
	// texts
	{`[{"prefix":"ab"}]`, []string{`+{"a":"ab"}`, `+{"a":"abc"}`, `-{"a":"a"}`, `-{"a":12}`}},
	{`[{"prefix":""}]`, []string{`+{"a":""}`, `+{"a":"x"}`, `-{"a":1}`}},
	{`[{"prefix":{"equals-ignore-case":"AB"}}]`, []string{`+{"a":"abc"}`, `-{"a":"ac"}`}},
	{`[{"suffix":"ab"}]`, []string{`+{"a":"ab"}`, `+{"a":"cab"}`, `-{"a":"abc"}`}},
	{`[{"suffix":{"equals-ignore-case":"AB"}}]`, []string{`+{"a":"cab"}`, `-{"a":"abc"}`}},
	{`[{"equals-ignore-case":"STRASSE"}]`, []string{`+{"a":"strasse"}`, `-{"a":"strasze"}`}},
	{`[{"equals-ignore-case":"É"}]`, []string{`+{"a":"é"}`, `-{"a":"e"}`}},
	{`[{"equals-ignore-case":"σ"}]`, []string{`-{"a":"ς"}`, `+{"a":"Σ"}`}},
	{`[{"equals-ignore-case":"İ"}]`, []string{`-{"a":"i"}`}},
	{`[{"wildcard":"a*b"}]`, []string{`+{"a":"ab"}`, `+{"a":"a\nb"}`, `-{"a":"abc"}`, `-{"a":1}`}},
	{`[{"wildcard":"*a*"}]`, []string{`+{"a":"a"}`, `+{"a":"xax"}`, `-{"a":"x"}`}},
	{`[{"wildcard":"\\*"}]`, []string{`+{"a":"*"}`, `-{"a":"x"}`}},
	{`[{"wildcard":"\\\\"}]`, []string{`+{"a":"\\"}`, `-{"a":"x"}`}},
	{`[{"wildcard":""}]`, []string{`+{"a":""}`, `-{"a":"x"}`}},
	{`[{"wildcard":"*"}]`, []string{`+{"a":""}`, `-{"a":null}`, `-{"a":1}`}},
	{`[{"wildcard":"/Users/*/dir/dir/dir/dir/dir/doc.txt"}]`, []string{`+{"a":"/Users/me/dir/dir/dir/dir/dir/doc.txt"}`}},
	// numbers
	{`[{"numeric":["=",300]}]`, []string{`+{"a":3.0e2}`, `-{"a":"300"}`, `-{"a":301}`}},
	{`[{"numeric":["<",5]}]`, []string{`+{"a":4.99}`, `-{"a":5}`}},
	{`[{"numeric":["<=",5]}]`, []string{`+{"a":5}`, `-{"a":5.01}`}},
	{`[{"numeric":[">",-1.5e3]}]`, []string{`+{"a":-1499}`, `-{"a":-1500}`}},
	{`[{"numeric":[">=",5]}]`, []string{`+{"a":5}`, `-{"a":4}`}},
	{`[{"numeric":[">",0,"<=",5]}]`, []string{`+{"a":5}`, `-{"a":0}`, `+{"a":["x",3]}`}},
	// addresses
	{`[{"cidr":"10.1.2.3/8"}]`, []string{`+{"a":"10.255.0.1"}`, `-{"a":"11.0.0.1"}`, `-{"a":"::ffff:10.1.1.1"}`, `-{"a":10}`}},
	{`[{"cidr":"2001:db8::/127"}]`, []string{`+{"a":"2001:db8::1"}`, `-{"a":"2001:db8::2"}`}},
	{`[{"cidr":"0.0.0.0/0"}]`, []string{`+{"a":"1.2.3.4"}`, `-{"a":"name"}`}},
	{`[{"cidr":"::/0"}]`, []string{`+{"a":"1.2.3.4"}`, `+{"a":"::1"}`}},
	// anything but
	{`[{"anything-but":"x"}]`, []string{`+{"a":"y"}`, `-{"a":"x"}`, `+{"a":null}`, `+{"a":1}`, `+{"a":true}`, `-{}`, `-{"a":[]}`, `+{"a":["x","y"]}`, `-{"a":["x","x"]}`}},
	{`[{"anything-but":5}]`, []string{`-{"a":5.0}`, `+{"a":"5"}`, `+{"a":6}`}},
	{`[{"anything-but":["x","y"]}]`, []string{`-{"a":"y"}`, `+{"a":"z"}`}},
	{`[{"anything-but":[1,2]}]`, []string{`-{"a":2}`, `+{"a":3}`}},
	{`[{"anything-but":{"prefix":"a"}}]`, []string{`-{"a":"ab"}`, `+{"a":"b"}`, `+{"a":12}`}},
	{`[{"anything-but":{"prefix":["a","b"]}}]`, []string{`-{"a":"bb"}`, `+{"a":"c"}`}},
	{`[{"anything-but":{"suffix":"a"}}]`, []string{`-{"a":"ba"}`, `+{"a":"ab"}`}},
	{`[{"anything-but":{"suffix":["a","b"]}}]`, []string{`-{"a":"xb"}`, `+{"a":"c"}`}},
	{`[{"anything-but":{"equals-ignore-case":"A"}}]`, []string{`-{"a":"a"}`, `+{"a":"b"}`}},
	{`[{"anything-but":{"equals-ignore-case":["A","B"]}}]`, []string{`-{"a":"b"}`, `+{"a":"c"}`}},
	{`[{"anything-but":{"wildcard":"a*b"}}]`, []string{`-{"a":"axb"}`, `+{"a":"b"}`}},
	{`[{"anything-but":{"wildcard":["a*","b*"]}}]`, []string{`-{"a":"bx"}`, `+{"a":"c"}`}},
	{`[{"prefix":"x"},{"numeric":[">",5]},"z"]`, []string{`+{"a":"xy"}`, `+{"a":6}`, `+{"a":"z"}`, `-{"a":5}`}},
	// structure
	{`{"b":[1]}`, []string{`+{"a":{"b":1}}`, `+{"a":[{"b":0},{"b":1}]}`, `+{"a.b":1}`, `-{"a":1}`}},
	{`{"b":[1],"c":[2]}`, []string{`+{"a":[{"b":1,"c":2}]}`, `-{"a":[{"b":1},{"c":2}]}`}},
	{`{"b":[{"exists":false}]}`, []string{`-{"a":[{"c":1},{"b":1}]}`, `+{"a":[{"c":1}]}`}},
	{`{"$or":[{"b":[1]},{"c":[2]}]}`, []string{`+{"a":{"c":2}}`, `-{"a":{"c":1}}`}},
	{`["x"],"a":["y"]`, []string{`+{"a":"y"}`, `-{"a":"x"}`}},
	{`["x"],"$or":[{"b":[1]},{"c":{"$or":[{"d":[2]},{"e":[3]}]}}]`, []string{`+{"a":"x","b":1}`, `+{"a":"x","c":{"e":3}}`, `-{"a":"x"}`, `-{"b":1}`}},
}

// The pattern language over the wire: TestEventPattern says of each form what
// the service says.
func TestSDKPatterns(t *testing.T) {
	c := start(t, bus.Options{}).sdk()
	for _, row := range accepted {
		pattern := `{"source":["s"],"detail":{"a":` + row.test + `}}`
		for _, d := range row.details {
			event := `{"id":"1","account":"1","source":"s","time":"2026-01-02T03:04:05Z","region":"r","detail-type":"t","detail":` + d[1:] + `}`
			got, err := c.TestEventPattern(t.Context(), &sdk.TestEventPatternInput{EventPattern: &pattern, Event: &event})
			if err != nil || got.Result != (d[0] == '+') {
				t.Errorf("%s on %s: %+v, %v", row.test, d, got, err)
			}
		}
		_, err := c.PutRule(t.Context(), &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: &pattern})
		if err != nil {
			t.Errorf("%s: %v", row.test, err)
		}
	}
}

// rejected are tests of a member, with the service's reasons.
var rejected = map[string]string{
	`1`:                                             `"a" must be an object or an array`,
	`"x"`:                                           `"a" must be an object or an array`,
	`null`:                                          `"a" must be an object or an array`,
	`[]`:                                            `Empty arrays are not allowed`,
	`{}`:                                            `Empty objects are not allowed`,
	`[["x"]]`:                                       `Match value must be String, number, true, false, or null`,
	`[{}]`:                                          `Match expression name not found`,
	`[{"regex":"x"}]`:                               `Unrecognized match type regex`,
	`[{"NUMERIC":["=",1]}]`:                         `Unrecognized match type NUMERIC`,
	`[{"prefix":"x","suffix":"y"}]`:                 `Only one key allowed in match expression`,
	`[{"prefix":1}]`:                                `prefix match pattern must be a string`,
	`[{"suffix":[1]}]`:                              `suffix match pattern must be a string`,
	`[{"wildcard":1}]`:                              `wildcard match pattern must be a string`,
	`[{"equals-ignore-case":["x"]}]`:                `equals-ignore-case match pattern must be a string`,
	`[{"equals-ignore-case":1}]`:                    `equals-ignore-case match pattern must be a string`,
	`[{"cidr":1}]`:                                  `prefix match pattern must be a string`,
	`[{"prefix":{"x":"y"}}]`:                        `Unsupported prefix pattern: x`,
	`[{"suffix":{"x":"y"}}]`:                        `Unsupported suffix pattern: x`,
	`[{"exists":1}]`:                                `exists match pattern must be either true or false.`,
	`[{"numeric":5}]`:                               `Value of numeric must be an array.`,
	`[{"numeric":[5]}]`:                             `Invalid member in numeric match: 5`,
	`[{"numeric":["!=",5]}]`:                        `Unrecognized numeric range operator: !=`,
	`[{"numeric":["<","5"]}]`:                       `Value of < must be numeric`,
	`[{"numeric":["=","5"]}]`:                       `Value of equals must be numeric`,
	`[{"numeric":["<",5,">",1]}]`:                   `Bad numeric range operator: >`,
	`[{"numeric":["=",5,"<",6]}]`:                   `Too many elements in numeric expression`,
	`[{"numeric":[">",5,"<",6,"<",7]}]`:             `Too many terms in numeric range expression`,
	`[{"numeric":[">",5,"<",5]}]`:                   `Bottom must be less than top`,
	`[{"numeric":[">=",5,"<=",5]}]`:                 `Bottom must be less than top`,
	`[{"numeric":["=",9007199254740993]}]`:          `Cannot compare number : 9007199254740993`,
	`[{"numeric":["=",1e400]}]`:                     `Cannot compare number : 1e400`,
	`[{"anything-but":null}]`:                       `Value of anything-but must be an array or single string/number value.`,
	`[{"anything-but":true}]`:                       `Value of anything-but must be an array or single string/number value.`,
	`[{"anything-but":[null]}]`:                     `Inside anything but list, start|null|boolean is not supported.`,
	`[{"anything-but":["x",1]}]`:                    `Inside anything but list, either all values are number or string, mixed type is not supported`,
	`[{"anything-but":{"numeric":["=",1]}}]`:        `Unsupported anything-but pattern: numeric`,
	`[{"anything-but":{"cidr":"10.0.0.0/8"}}]`:      `Unsupported anything-but pattern: cidr`,
	`[{"anything-but":{}}]`:                         `Anything-But expression name not found`,
	`[{"anything-but":{"prefix":""}}]`:              `Null prefix/suffix not allowed`,
	`[{"anything-but":{"suffix":""}}]`:              `Null prefix/suffix not allowed`,
	`[{"anything-but":{"suffix":1}}]`:               `prefix/suffix match pattern must be a string`,
	`[{"anything-but":{"equals-ignore-case":[1]}}]`: `Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.`,
	`[{"cidr":"10.0.0.0"}]`:                         `Malformed CIDR, one '/' required`,
	`[{"cidr":"10.0.0.0/x"}]`:                       `Malformed CIDR, mask bits must be an integer`,
	`[{"cidr":"10.0.0.0/-1"}]`:                      `Malformed CIDR, mask bits must not be negative`,
	`[{"cidr":"10.0.0.0/32"}]`:                      `IPv4 mask bits must be < 32`,
	`[{"cidr":"::1/128"}]`:                          `IPv6 mask bits must be < 128`,
	`[{"cidr":"host/8"}]`:                           `Nonstandard IP address: host`,
	`[{"wildcard":"a**b"}]`:                         `Consecutive wildcard characters at pos 3`,
	`[{"wildcard":"a\\b"}]`:                         `Invalid escape character at pos 2`,
	`{"$or":{"b":[1]}}`:                             `It must be an Array followed with $or.`,
	`{"$or":[{"b":[1]}]}`:                           `There must have at least 2 Objects in $or relationship.`,
	`{"$or":[1,2]}`:                                 `Only JSON object is allowed in array of $or relationship.`,
	`{"$or":[{"numeric":["x"]},{"b":[1]}]}`:         `numeric is Ruler reserved fieldName which cannot be used inside $or.`,
	`{"$or":[{"date-after":["x"]},{"b":[1]}]}`:      `date-after is Ruler reserved fieldName which cannot be used inside $or.`,
	`{"$or":[{"not-wildcard":["x"]},{"b":[1]}]}`:    `not-wildcard is Ruler reserved fieldName which cannot be used inside $or.`,
}

// What the language does not take is refused wherever a pattern may come in,
// with the service's reason.
func TestSDKPatternErrors(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	event := `{"id":"1","account":"1","source":"s","time":"2026-01-02T03:04:05Z","region":"r","detail-type":"t","detail":{}}`
	for test, want := range rejected {
		pattern := `{"a":` + test + `}`
		if strings.HasPrefix(test, `{"$or"`) {
			pattern = test
		}
		_, err1 := c.TestEventPattern(ctx, &sdk.TestEventPatternInput{EventPattern: &pattern, Event: &event})
		_, err2 := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: &pattern})
		_, err3 := c.CreateArchive(ctx, &sdk.CreateArchiveInput{ArchiveName: aws.String("a"), EventSourceArn: aws.String(accountARN + "event-bus/default"), EventPattern: &pattern})
		for i, err := range []error{err1, err2, err3} {
			var bad *types.InvalidEventPatternException
			if !errors.As(err, &bad) {
				t.Errorf("%s, call %d: %v", test, i+1, err)
				continue
			}
			if got, _, _ := strings.Cut(bad.ErrorMessage(), "\n"); got != "Event pattern is not valid. Reason: "+want {
				t.Errorf("%s, call %d:\n got %s\nwant %s", test, i+1, got, want)
			}
		}
	}
	for pattern, column := range map[string]int{`[]`: 2, `"x"`: 4, `7`: 2} {
		_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: &pattern})
		fails(t, err, "InvalidEventPatternException", fmt.Sprintf("Event pattern is not valid. Reason: Filter is not an object\n at [Source: (String)\"%s\"; line: 1, column: %d]", pattern, column))
	}
}
