package pattern

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each row: a pattern, and events with the verdict before them.
var cases = []struct {
	pattern string
	events  []string
}{
	{`{"a":["x",5,true,null,""]}`, []string{`+{"a":"x"}`, `+{"a":5.0}`, `+{"a":5e0}`, `-{"a":"5"}`, `+{"a":true}`, `-{"a":false}`, `+{"a":null}`, `+{"a":""}`, `-{}`, `-{"a":{}}`, `-{"a":[]}`, `+{"a":["y","x"]}`, `+{"a":[["x"]]}`}},
	{`{"a":[300]}`, []string{`+{"a":3.0e2}`, `+{"a":300.0}`, `-{"a":301}`}},
	{`{"a":[0.1, 0]}`, []string{`+{"a":0.10}`, `+{"a":1e-1}`, `+{"a":-0}`, `-{"a":0.11}`}},
	{`{"a":[123456789012345678]}`, []string{`+{"a":123456789012345678}`, `-{"a":123456789012345679}`}},
	{`{"a":[{"prefix":"ab"}]}`, []string{`+{"a":"abc"}`, `-{"a":"ac"}`, `-{"a":1}`}},
	{`{"a":[{"prefix":""}]}`, []string{`+{"a":"x"}`, `-{"a":1}`, `-{"a":null}`}},
	{`{"a":[{"prefix":{"equals-ignore-case":"éB"}}]}`, []string{`+{"a":"Ébc"}`, `-{"a":"eb"}`}},
	{`{"a":[{"suffix":".png"}]}`, []string{`+{"a":"x.png"}`, `-{"a":"x.PNG"}`}},
	{`{"a":[{"suffix":{"equals-ignore-case":".png"}}]}`, []string{`+{"a":"x.PnG"}`, `-{"a":"png"}`}},
	{`{"a":[{"equals-ignore-case":"Alice"}]}`, []string{`+{"a":"aLICE"}`, `-{"a":"alicee"}`, `-{"a":"alic"}`}},
	{`{"a":[{"equals-ignore-case":"k"}]}`, []string{`+{"a":"\u212a"}`}},
	{`{"a":[{"equals-ignore-case":"σıſ"}]}`, []string{`+{"a":"Σıſ"}`, `-{"a":"ςıſ"}`, `-{"a":"σiſ"}`, `-{"a":"σıs"}`}},
	{`{"a":[{"prefix":{"equals-ignore-case":"İ"}}]}`, []string{`+{"a":"İx"}`, `-{"a":"ix"}`, `-{"a":"ıx"}`}},
	{`{"a":[{"wildcard":"a*b*c"}]}`, []string{`+{"a":"abc"}`, `+{"a":"a-b-c-b-c"}`, `-{"a":"acb"}`, `-{"a":"abcd"}`, `+{"a":"a\nbc"}`}},
	{`{"a":[{"wildcard":"*"}]}`, []string{`+{"a":""}`, `+{"a":"x"}`, `-{"a":1}`, `-{"a":null}`}},
	{`{"a":[{"wildcard":""}]}`, []string{`+{"a":""}`, `-{"a":"x"}`}},
	{`{"a":[{"wildcard":"\\*x\\\\*"}]}`, []string{`+{"a":"*x\\y"}`, `-{"a":"ax\\y"}`}},
	{`{"a":[{"numeric":[">",0,"<=",5]}]}`, []string{`+{"a":5}`, `+{"a":0.001}`, `-{"a":0}`, `-{"a":5.01}`, `-{"a":"3"}`, `-{"a":9007199254740993}`}},
	{`{"a":[{"numeric":["=",300]}]}`, []string{`+{"a":3e2}`, `-{"a":"300"}`}},
	{`{"a":[{"cidr":"10.0.0.77/24"}]}`, []string{`+{"a":"10.0.0.255"}`, `-{"a":"10.0.1.0"}`, `-{"a":"x"}`, `-{"a":"::ffff:10.0.0.1"}`}},
	{`{"a":[{"cidr":"2001:db8::/32"}]}`, []string{`+{"a":"2001:db8::1"}`, `-{"a":"2001:db9::1"}`}},
	{`{"a":[{"exists":true}]}`, []string{`+{"a":0}`, `+{"a":null}`, `-{"b":0}`, `-{"a":{}}`, `-{"a":[]}`, `-{"a":{"b":1}}`}},
	{`{"a":[{"exists":false}]}`, []string{`-{"a":0}`, `-{"a":null}`, `+{"b":0}`, `+{"a":{}}`, `+{"a":[]}`, `+{"a":{"b":1}}`}},
	{`{"a":[{"exists":false},"x"],"b":["y"]}`, []string{`+{"b":"y"}`, `+{"a":"x","b":"y"}`, `-{"a":"z","b":"y"}`, `-{"a":"x"}`}},
	{`{"a":{"b":[{"exists":false}]}}`, []string{`-{"a":[{"c":1},{"b":1}]}`, `+{"a":[{"c":1}]}`}},
	{`{"a":[{"anything-but":"x"}]}`, []string{`+{"a":"y"}`, `-{"a":"x"}`, `-{}`, `+{"a":null}`, `+{"a":1}`, `+{"a":["x","y"]}`, `-{"a":["x"]}`, `-{"a":[]}`}},
	{`{"a":[{"anything-but":["x","y"]}]}`, []string{`-{"a":"y"}`, `+{"a":"z"}`}},
	{`{"a":[{"anything-but":[1,2]}]}`, []string{`-{"a":1.0}`, `+{"a":"1"}`, `+{"a":3}`}},
	{`{"a":[{"anything-but":{"prefix":"a"}}]}`, []string{`-{"a":"ab"}`, `+{"a":"b"}`, `+{"a":12}`}},
	{`{"a":[{"anything-but":{"prefix":["a","b"]}}]}`, []string{`-{"a":"bc"}`, `+{"a":"c"}`}},
	{`{"a":[{"anything-but":{"suffix":"a"}}]}`, []string{`-{"a":"ba"}`, `+{"a":"ab"}`}},
	{`{"a":[{"anything-but":{"equals-ignore-case":["a","b"]}}]}`, []string{`-{"a":"A"}`, `+{"a":"c"}`}},
	{`{"a":[{"anything-but":{"wildcard":"*x*"}}]}`, []string{`-{"a":"axb"}`, `+{"a":"b"}`}},
	{`{"a":[{"prefix":"x"},{"numeric":[">",5]}]}`, []string{`+{"a":"xy"}`, `+{"a":6}`, `-{"a":"y"}`}},
	{`{"a.b":[1]}`, []string{`+{"a":{"b":1}}`, `+{"a.b":1}`}},
	{`{"a":{"b":[1]},"c":[2]}`, []string{`+{"a.b":1,"c":2}`, `-{"a":{"b":1}}`, `-{"c":2}`}},
	{`{"$or":[{"a":[1]},{"b":[2]}]}`, []string{`+{"a":1}`, `+{"b":2}`, `-{"a":2,"b":1}`}},
	{`{"c":[3],"$or":[{"a":[1]},{"b":{"$or":[{"x":[1]},{"y":[2]}]}}]}`, []string{`+{"c":3,"a":1}`, `+{"c":3,"b":{"y":2}}`, `-{"a":1}`, `-{"c":3}`}},
	{`{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}`, []string{`+{"a":2}`, `+{"a":1,"b":3}`, `-{"a":1}`}},
	{`{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}`, []string{`-{"a":2}`, `+{"a":1}`}},
	{`{"l":{"a":[1],"b":[2]}}`, []string{`+{"l":[{"a":1,"b":2}]}`, `-{"l":[{"a":1},{"b":2}]}`, `+{"l":[{"a":1},{"a":1,"b":2}]}`, `-{"l":[{"a":1,"b":3},{"a":2,"b":2}]}`}},
	{`{"l":{"a":[1]},"m":{"b":[2]}}`, []string{`+{"l":[{"a":0},{"a":1}],"m":[{"b":2}]}`}},
	{`{"l":{"x":{"a":[1],"b":[2]},"c":[3]}}`, []string{`+{"l":[{"x":[{"a":1,"b":2}],"c":3}]}`, `-{"l":[{"x":[{"a":1},{"b":2}],"c":3}]}`, `-{"l":[{"x":[{"a":1,"b":2}]},{"c":3}]}`}},
	{`{"a":["x"],"a":["y"]}`, []string{`+{"a":"y"}`, `-{"a":"x"}`}},
	{`{"a":{"b":[1]},"a":{"c":[2]}}`, []string{`+{"a":{"b":1,"c":2}}`, `-{"a":{"c":2}}`}},
	{`{"a":["x"]}`, []string{`+{"a":"y","a":"x"}`}},
	{`{"replay-name":[{"exists":false}]}`, []string{`+{}`, `-{"replay-name":"r"}`}},
	{`{"a":[{"exactly":"x"}]}`, []string{`+{"a":"x"}`}},
}

func TestMatch(t *testing.T) {
	var all []*Pattern
	for _, c := range cases {
		p, err := Compile([]byte(c.pattern))
		if err != nil {
			t.Fatalf("%s: %v", c.pattern, err)
		}
		all = append(all, p)
		for _, e := range c.events {
			got, err := p.Match([]byte(e[1:]))
			if err != nil || got != (e[0] == '+') {
				t.Errorf("%s on %s: %v, %v", c.pattern, e, got, err)
			}
			misses, err := p.Explain([]byte(e[1:]))
			if err != nil || (len(misses) == 0) != (e[0] == '+') {
				t.Errorf("explain %s on %s: %v, %v", c.pattern, e, misses, err)
			}
		}
	}
	// All patterns in one set say what each says alone.
	set := NewSet(all)
	for _, c := range cases {
		for _, e := range c.events {
			var want []int
			for i, p := range all {
				if ok, _ := p.Match([]byte(e[1:])); ok {
					want = append(want, i)
				}
			}
			if got, err := set.Match([]byte(e[1:]), nil); err != nil || !slices.Equal(got, want) {
				t.Errorf("set on %s: %v, %v, want %v", e, got, err, want)
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for src, want := range map[string]string{
		`[]`:                                                  "Filter is not an object",
		`{"a":1}`:                                             `"a" must be an object or an array`,
		`{"a":"x"}`:                                           `"a" must be an object or an array`,
		`{"a":[]}`:                                            "Empty arrays are not allowed",
		`{"a":{}}`:                                            "Empty objects are not allowed",
		`{}`:                                                  "Empty objects are not allowed",
		`{"a":[["x"]]}`:                                       "Match value must be String, number, true, false, or null",
		`{"a":[{}]}`:                                          "Match expression name not found",
		`{"a":[{"NUMERIC":["=",1]}]}`:                         "Unrecognized match type NUMERIC",
		`{"a":[{"prefix":"x","suffix":"y"}]}`:                 "Only one key allowed in match expression",
		`{"a":[{"prefix":1}]}`:                                "prefix match pattern must be a string",
		`{"a":[{"cidr":1}]}`:                                  "prefix match pattern must be a string",
		`{"a":[{"prefix":{"x":"y"}}]}`:                        "Unsupported prefix pattern: x",
		`{"a":[{"exists":"x"}]}`:                              "exists match pattern must be either true or false.",
		`{"a":[{"numeric":5}]}`:                               "Value of numeric must be an array.",
		`{"a":[{"numeric":[5]}]}`:                             "Invalid member in numeric match: 5",
		`{"a":[{"numeric":["!=",5]}]}`:                        "Unrecognized numeric range operator: !=",
		`{"a":[{"numeric":["<","5"]}]}`:                       "Value of < must be numeric",
		`{"a":[{"numeric":["=","5"]}]}`:                       "Value of equals must be numeric",
		`{"a":[{"numeric":["<",5,">",1]}]}`:                   "Bad numeric range operator: >",
		`{"a":[{"numeric":["=",5,"<",6]}]}`:                   "Too many elements in numeric expression",
		`{"a":[{"numeric":[">",5,"<",6,"<",7]}]}`:             "Too many terms in numeric range expression",
		`{"a":[{"numeric":[">=",5,"<=",5]}]}`:                 "Bottom must be less than top",
		`{"a":[{"numeric":["=",9007199254740993]}]}`:          "Cannot compare number : 9007199254740993",
		`{"a":[{"anything-but":null}]}`:                       "Value of anything-but must be an array or single string/number value.",
		`{"a":[{"anything-but":[true]}]}`:                     "Inside anything but list, start|null|boolean is not supported.",
		`{"a":[{"anything-but":["x",1]}]}`:                    "Inside anything but list, either all values are number or string, mixed type is not supported",
		`{"a":[{"anything-but":{"numeric":["=",1]}}]}`:        "Unsupported anything-but pattern: numeric",
		`{"a":[{"anything-but":{}}]}`:                         "Anything-But expression name not found",
		`{"a":[{"anything-but":{"prefix":""}}]}`:              "Null prefix/suffix not allowed",
		`{"a":[{"anything-but":{"prefix":1}}]}`:               "prefix/suffix match pattern must be a string",
		`{"a":[{"anything-but":{"equals-ignore-case":[1]}}]}`: "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
		`{"a":[{"cidr":"10.0.0.0"}]}`:                         "Malformed CIDR, one '/' required",
		`{"a":[{"cidr":"10.0.0.0/x"}]}`:                       "Malformed CIDR, mask bits must be an integer",
		`{"a":[{"cidr":"10.0.0.0/-1"}]}`:                      "Malformed CIDR, mask bits must not be negative",
		`{"a":[{"cidr":"10.0.0.0/32"}]}`:                      "IPv4 mask bits must be < 32",
		`{"a":[{"cidr":"::/128"}]}`:                           "IPv6 mask bits must be < 128",
		`{"a":[{"cidr":"x/8"}]}`:                              "Nonstandard IP address: x",
		`{"a":[{"wildcard":"a**"}]}`:                          "Consecutive wildcard characters at pos 3",
		`{"a":[{"wildcard":"a\\b"}]}`:                         "Invalid escape character at pos 2",
		`{"$or":{"a":[1]}}`:                                   "It must be an Array followed with $or.",
		`{"$or":[{"a":[1]}]}`:                                 "There must have at least 2 Objects in $or relationship.",
		`{"$or":[1,2]}`:                                       "Only JSON object is allowed in array of $or relationship.",
		`{"$or":[{"prefix":["x"]},{"a":[1]}]}`:                "prefix is Ruler reserved fieldName which cannot be used inside $or.",
		`this`:                                                "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
		``:                                                    "Unexpected end-of-input",
	} {
		_, err := Compile([]byte(src))
		var bad *Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", src, err)
		} else if bad.Msg != want {
			t.Errorf("%s:\n got %s\nwant %s", src, bad.Msg, want)
		}
	}
	_, err := Compile([]byte("{\n  \"a\": 1}"))
	if want := "\"a\" must be an object or an array\n at [Source: (String)\"{\n  \"a\": 1}\"; line: 2, column: 9]"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestExplain(t *testing.T) {
	p, err := Compile([]byte(`{"source":["myapp.users"],"detail":{"age":[{"numeric":[">=",18]}],"plan":[{"exists":false}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	misses, err := p.Explain([]byte(`{"source":"myapp.users","detail":{"age":17,"plan":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `[detail.age: wanted >= 18; found 17 at /detail/age detail.plan: wanted absent; found "x" at /detail/plan]`
	if got := fmt.Sprint(misses); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMalformedEvents(t *testing.T) {
	p, _ := Compile([]byte(`{"a":[1]}`))
	for _, e := range []string{``, `[]`, `{"a":`, `{"a":1`, `null`, `{"b":{]}`, `{}0`, `{"a":1} {"a":1}`} {
		if _, err := p.Match([]byte(e)); err == nil {
			t.Errorf("%q was accepted", e)
		}
	}
}

// A wildcard takes no longer for being hard.
func TestAdversarialWildcard(t *testing.T) {
	p, err := Compile([]byte(`{"a":[{"wildcard":"` + strings.Repeat("*a", 50) + `*b"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Match([]byte(`{"a":"` + strings.Repeat("a", 1<<20) + `"}`)); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
