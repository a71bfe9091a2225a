package awsjson

import "context"

// A Status says how much of an operation a service offers.
type Status string

// The statuses.
const (
	Full    Status = "full"    // nothing is known to differ
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
	Note   string // what differs from AWS, in words for users; empty if nothing does
	Run    Run
}

// A Method is an operation as a method of the type A, which holds what the
// operations of a service need. It is called as the functions of an Op are.
type Method[A any] = struct {
	Run   func(a A, ctx context.Context, body []byte) ([]byte, error)
	Needs func(a A, body []byte) ([]Permission, error)
}

// A RESTMethod is a Method of a REST service, with the HTTP method and the path of
// its Route.
type RESTMethod[A any] = struct {
	Method, Path string
	Run          func(a A, ctx context.Context, r *Request) (*Answer, error)
	Needs        func(a A, r *Request) ([]Permission, error)
}

// Bind returns the operations of a Service, called on a. A permission without an
// action is one for SERVICE:NAME of its operation. Operations that are not offered
// answer UnknownOperationException with their note.
func Bind[A any](service string, a A, operations []Operation[Method[A]]) map[string]Op {
	out := make(map[string]Op, len(operations))
	for _, o := range operations {
		action := service + ":" + o.Name
		if o.Run.Run == nil {
			err := UnknownOperation(o.Name + " is not offered here. " + o.Note)
			out[o.Name] = Op{
				Run:   func(context.Context, []byte) ([]byte, error) { return nil, err },
				Needs: func([]byte) ([]Permission, error) { return named(action, nil), nil },
			}
			continue
		}
		op := Op{Run: func(ctx context.Context, body []byte) ([]byte, error) { return o.Run.Run(a, ctx, body) }}
		if o.Run.Needs != nil {
			op.Needs = func(body []byte) ([]Permission, error) {
				need, err := o.Run.Needs(a, body)
				return named(action, need), err
			}
		}
		out[o.Name] = op
	}
	return out
}

// BindREST returns the routes of a RESTService, called on a, with actions as Bind
// gives them. Operations that are not offered have none.
func BindREST[A any](service string, a A, operations []Operation[RESTMethod[A]]) []Route {
	var out []Route
	for _, o := range operations {
		if o.Run.Run == nil {
			continue
		}
		rt := Route{Method: o.Run.Method, Path: o.Run.Path}
		rt.Run = func(ctx context.Context, r *Request) (*Answer, error) { return o.Run.Run(a, ctx, r) }
		if o.Run.Needs != nil {
			rt.Needs = func(r *Request) ([]Permission, error) {
				need, err := o.Run.Needs(a, r)
				return named(service+":"+o.Name, need), err
			}
		}
		out = append(out, rt)
	}
	return out
}
