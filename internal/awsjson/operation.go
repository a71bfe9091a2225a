package awsjson

import "context"

// A Status says how much of an operation a service offers.
type Status string

// The statuses.
const (
	Full    Status = "full"    // all parameters, answers and errors
	Partial Status = "partial" // with the differences that the note names
	None    Status = "none"    // the answer is an UnknownOperationException
)

// An Operation is one operation of a service's model, and how much of it is
// offered here. Run does its work: a Method, or a RESTMethod of a REST service.
// It is zero if the status is None. The struct has no name of its own, so that
// tables of operations are written without the names of its fields.
type Operation[Run any] = struct {
	Name   string
	Status Status
	Note   string // what differs from AWS, in words for users
	Run    Run
}

// A Method is an operation as a method of the type A, which holds what the
// operations of a service need. It is called as an Op is.
type Method[A any] func(a A, ctx context.Context, body []byte) ([]byte, error)

// A RESTMethod is a Method of a REST service, with the HTTP method and the path of
// its Route.
type RESTMethod[A any] = struct {
	Method, Path string
	Run          func(a A, ctx context.Context, r *Request) (*Answer, error)
}

// Bind returns the operations of a Service, called on a. Operations that are not
// offered answer UnknownOperationException with their note.
func Bind[A any](a A, operations []Operation[Method[A]]) map[string]Op {
	out := make(map[string]Op, len(operations))
	for _, o := range operations {
		if o.Run == nil {
			err := UnknownOperation(o.Name + " is not offered here. " + o.Note)
			out[o.Name] = func(context.Context, []byte) ([]byte, error) { return nil, err }
			continue
		}
		out[o.Name] = func(ctx context.Context, body []byte) ([]byte, error) { return o.Run(a, ctx, body) }
	}
	return out
}

// BindREST returns the routes of a RESTService, called on a. Operations that are
// not offered have none.
func BindREST[A any](a A, operations []Operation[RESTMethod[A]]) []Route {
	var out []Route
	for _, o := range operations {
		if o.Run.Run != nil {
			run := func(ctx context.Context, r *Request) (*Answer, error) { return o.Run.Run(a, ctx, r) }
			out = append(out, Route{Method: o.Run.Method, Path: o.Run.Path, Run: run})
		}
	}
	return out
}
