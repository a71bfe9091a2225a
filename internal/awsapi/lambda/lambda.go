// Package lambda serves the API of AWS Lambda from packages function and
// eventsource: it decodes a request, makes one domain call, and encodes the answer.
// ops.go lists the operations and how much of each is offered; errors.go alone knows
// Lambda's exception names.
//
// Source: AWS Lambda API reference and the service's model; texts of errors as
// recorded from the service.
package lambda

import (
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// maxRequest is the largest body: that of CreateFunction.
const maxRequest = 70167211

// Service returns Lambda's operations on the functions and their event source
// mappings.
func Service(functions *function.Functions, mappings *eventsource.Mappings) awsjson.RESTService {
	a := &api{functions: functions, mappings: mappings}
	return awsjson.RESTService{
		SigningName: "lambda", Owns: owned.MatchString, MaxBody: maxRequest, MapError: mapError, Routes: awsjson.BindREST("lambda", a, operations),
	}
}

// owned matches the paths of Lambda's operations, which begin with a date.
var owned = regexp.MustCompile(`^/20[0-9]{2}-[0-9]{2}-[0-9]{2}/`)

type api struct {
	functions *function.Functions
	mappings  *eventsource.Mappings
}

// answer encodes the body of an answer.
func answer(status int, v any) (*awsjson.Answer, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	return &awsjson.Answer{Status: status, Body: b}, err
}

// decode reads the body of a request; an empty one has no members.
func decode(r *awsjson.Request, v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	return r.Decode(v)
}

// decodeValid reads the body of a request and returns the constraints that check
// then finds broken.
func decodeValid(r *awsjson.Request, in any, check func(*awsjson.Validator)) error {
	if err := decode(r, in); err != nil {
		return err
	}
	var v awsjson.Validator
	check(&v)
	return v.Err()
}

// value returns what a member holds, or the zero value.
func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// number reads a parameter of the query; the default if there is none.
func number(r *awsjson.Request, name, path string, low, high, absent int) (int, error) {
	text := r.Query.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, &awsjson.Error{Type: "SerializationException", Message: "STRING_VALUE can not be converted to an Integer"}
	}
	var v awsjson.Validator
	awsjson.Range(&v, &n, path, low, high)
	return n, v.Err()
}
