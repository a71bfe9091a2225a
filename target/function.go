package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tablecast/tablecast/internal/trace"
)

// FunctionARN begins the ARN of a function as a target:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME.
const FunctionARN = "arn:aws:lambda:"

// ErrNoFunction says that there is no function of the name.
var ErrNoFunction = errors.New("target: no such function")

// An Invoke hands a payload to the function of that name. failed is what kind
// of failure the answer describes; empty if it is none. Errors: ErrNoFunction,
// or why the function could not be asked.
type Invoke func(ctx context.Context, name string, payload []byte) (answer []byte, failed string, err error)

// A functionTarget invokes a function with the event.
type functionTarget struct {
	name   string
	invoke Invoke
}

func openFunction(arn string, o Options) (Target, error) {
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 7 || parts[5] != "function" || parts[6] == "" {
		return nil, &ParseError{arn, "not the ARN of a function", FunctionARN + "REGION:ACCOUNT:function:NAME"}
	}
	if o.Invoke == nil {
		return nil, &ParseError{arn, "functions do not run here", "an http:// target"}
	}
	return &functionTarget{parts[6], o.Invoke}, nil
}

// Deliver implements Target. The function has the time of its own timeout.
func (f *functionTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	payload, failed, err := f.invoke(trace.With(ctx, trace.Parse(d.Event.Trace)), f.name, d.Body)
	answer := Response{Status: "answered", Body: payload[:min(len(payload), MaxResponseBytes)]}
	switch {
	case ctx.Err() != nil:
		return answer, ctx.Err()
	case errors.Is(err, ErrNoFunction):
		return answer, &Error{Code: CodeNoResource, Msg: fmt.Sprintf("there is no function %s", f.name)}
	case err != nil:
		return answer, &Error{Code: CodeUnavailable, Msg: err.Error()}
	case failed != "":
		answer.Status = failed
		return answer, &Error{Code: CodeUnavailable, Msg: fmt.Sprintf("function %s failed: %s", f.name, answer.Body)}
	default:
		return answer, nil
	}
}
