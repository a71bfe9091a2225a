package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/internal/trace"
)

// FunctionARN is the prefix of the ARN of a function,
// arn:aws:lambda:REGION:ACCOUNT:function:NAME.
const FunctionARN = "arn:aws:lambda:"

// ErrNoFunction means that no function has the name.
var ErrNoFunction = errors.New("target: no such function")

// An Invoke invokes the function of a name. failed is the kind of failure that the
// answer describes, as Lambda's X-Amz-Function-Error; empty if the function
// succeeded. Errors: ErrNoFunction, or why the function could not be invoked.
type Invoke func(ctx context.Context, name string, payload []byte) (answer []byte, failed string, err error)

// A functionTarget invokes a function of the node with the event.
type functionTarget struct {
	name   string
	invoke Invoke
}

func openFunction(text string, o Options) (Target, error) {
	a, err := arn.Parse(text)
	name, ok := strings.CutPrefix(a.Resource, "function:")
	name, _, _ = strings.Cut(name, ":") // a qualifier follows
	if err != nil || !ok || name == "" {
		return nil, &ParseError{text, "not the ARN of a function", FunctionARN + "REGION:ACCOUNT:function:NAME"}
	}
	if o.Invoke == nil {
		return nil, &ParseError{text, "functions do not run here", "an http:// target"}
	}
	return &functionTarget{name, o.Invoke}, nil
}

// Deliver implements Target. The function's own timeout bounds the call.
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
