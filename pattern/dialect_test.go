package pattern

import (
	"errors"
	"testing"
)

// Filter criteria refuse what their services do, and match records as the
// function would see them.
func TestFilterDialect(t *testing.T) {
	for src, want := range map[string]string{
		`{"a":[{"wildcard":"x*"}]}`:               "Unrecognized match type wildcard",
		`{"a":[{"anything-but":{"prefix":"x"}}]}`: "Value of anything-but must be an array or single string/number value.",
		`{"a":[]}`: "Empty arrays are not allowed",
		`"x"`:      "Filter is not an object",
		`{"a":[{"anything-but":{"wildcard":["x*"]}}]}`:        "Value of anything-but must be an array or single string/number value.",
		`{"$or":[{"a":[{"wildcard":"*"}]},{"b":["x"]}]}`:      "Unrecognized match type wildcard",
		`{"a":[{"anything-but":{"equals-ignore-case":"x"}}]}`: "Value of anything-but must be an array or single string/number value.",
	} {
		_, err := Filter.Compile([]byte(src))
		var bad *Error
		if !errors.As(err, &bad) || bad.Msg != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
	record := []byte(`{"eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1700000000,"NewImage":{"status":{"S":"open"},"n":{"N":"42"},"tags":{"SS":["x","y"]},"old":{"BOOL":true}}}}`)
	for src, want := range map[string]bool{
		`{"eventName":["INSERT"]}`:                                                            true,
		`{"dynamodb":{"NewImage":{"status":{"S":["open"]}}}}`:                                 true,
		`{"dynamodb":{"NewImage":{"status":["open"]}}}`:                                       false,
		`{"dynamodb":{"NewImage":{"n":{"N":["42"]}}}}`:                                        true,
		`{"dynamodb":{"NewImage":{"n":{"N":[{"numeric":[">",0]}]}}}}`:                         false,
		`{"dynamodb":{"NewImage":{"tags":{"SS":["y"]}}}}`:                                     true,
		`{"dynamodb":{"NewImage":{"old":{"BOOL":[true]}}}}`:                                   true,
		`{"dynamodb":{"NewImage":{"status":[{"exists":false}]}}}`:                             true,
		`{"dynamodb":{"NewImage":{"status":{"S":[{"exists":false}]}}}}`:                       false,
		`{"dynamodb":{"NewImage":{"status":{"S":[{"anything-but":["closed"]}]}}}}`:            true,
		`{"dynamodb":{"NewImage":{"status":{"S":[{"prefix":{"equals-ignore-case":"OP"}}]}}}}`: true,
		`{"dynamodb":{"ApproximateCreationDateTime":[{"numeric":[">",0]}]}}`:                  true,
	} {
		p, err := Filter.Compile([]byte(src))
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := p.Match(record); err != nil || got != want {
			t.Errorf("%s: %v, %v", src, got, err)
		}
	}
}
