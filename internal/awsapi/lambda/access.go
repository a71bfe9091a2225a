package lambda

import (
	"github.com/tablecast/tablecast/internal/awsjson"
)

// The functions here read from a request which permissions it needs: the operation's
// own action on each resource that it names. They read names as the operations do, so
// that what is permitted is what is worked on.

// invokeAction is what AWS calls the permission of Invoke.
const invokeAction = "lambda:InvokeFunction"

// Actions returns the actions that keys can be allowed.
func Actions() []string {
	out := []string{invokeAction}
	for _, o := range operations {
		if o.Name != "Invoke" {
			out = append(out, "lambda:"+o.Name)
		}
	}
	return out
}

func onAll(*api, *awsjson.Request) ([]awsjson.Permission, error) {
	return awsjson.On(awsjson.Anything), nil
}

// functionARN returns the ARN of the function that a text identifies, without its version.
func (a *api) functionARN(text string) string {
	m := nameForm.FindStringSubmatch(text)
	if m == nil {
		return awsjson.Anything
	}
	return a.functions.ARN(m[7])
}

func onFunction(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	return awsjson.On(a.functionARN(r.Param("FunctionName"))), nil
}

func onInvoke(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	return []awsjson.Permission{{Action: invokeAction, Resource: a.functionARN(r.Param("FunctionName"))}}, nil
}

func onNewFunction(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	var in struct{ FunctionName *string }
	err := decode(r, &in)
	return awsjson.On(a.functionARN(value(in.FunctionName))), err
}

// onEventConfig needs the destinations, too: the node calls them with its own rights.
func onEventConfig(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	var in struct{ DestinationConfig *destinations }
	err := decode(r, &in)
	return append(awsjson.On(a.functionARN(r.Param("FunctionName"))), toCall(in.DestinationConfig)...), err
}

func toCall(d *destinations) []awsjson.Permission {
	if d == nil {
		return nil
	}
	return awsjson.ToCall(arnOf(d.OnSuccess), arnOf(d.OnFailure))
}

// onNewMapping needs the function and the stream, whose changes the function will get,
// and the destination.
func onNewMapping(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	var in struct {
		FunctionName, EventSourceArn *string
		DestinationConfig            *destinations
	}
	err := decode(r, &in)
	return append(awsjson.On(a.functionARN(value(in.FunctionName)), value(in.EventSourceArn)), toCall(in.DestinationConfig)...), err
}

// onMapping needs the function and the destination, too, if they are named to be others.
func onMapping(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	on := []string{a.mappingARN(r.Param("UUID"))}
	var in struct {
		FunctionName      *string
		DestinationConfig *destinations
	}
	err := decode(r, &in)
	if in.FunctionName != nil {
		on = append(on, a.functionARN(*in.FunctionName))
	}
	return append(awsjson.On(on...), toCall(in.DestinationConfig)...), err
}

func onTagged(a *api, r *awsjson.Request) ([]awsjson.Permission, error) {
	name, uuid, err := a.tagged(r)
	switch {
	case err != nil:
		return nil, err
	case name != "":
		return awsjson.On(a.functions.ARN(name)), nil
	default:
		return awsjson.On(a.mappingARN(uuid)), nil
	}
}
