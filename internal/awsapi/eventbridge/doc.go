// Package eventbridge serves the API of Amazon EventBridge (the classic buses) from
// package bus: it decodes a request, makes one domain call, and encodes the answer.
// ops.go lists the operations and how much of each is offered; errors.go alone knows
// EventBridge's exception names.
//
// A request is checked in this order, and the first error is the answer:
//
//  1. the JSON has the types of the request (SerializationException);
//  2. all constraints of the model together, in the framework's words;
//  3. what members mean, one after the other;
//  4. the bus, then the rule exist; then the domain's own rules.
//
// Account and region of an ARN that names a bus or a resource are not compared
// with the node's: programs carry the ARNs of their own accounts.
//
// Source: Amazon EventBridge API reference and user guide, the service's model
// as AWS SDKs carry it, and texts recorded from the service by test suites that
// ran against it.
package eventbridge

import (
	"strings"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/target/connection"
)

// Service returns EventBridge's operations on the buses, their API destinations and
// connections. It answers each operation of the model, those that are not offered
// with UnknownOperationException.
func Service(buses *bus.Buses, conns *connection.Connections) awsjson.Service {
	a := &api{buses, conns}
	return awsjson.Service{
		TargetPrefix: "AWSEvents", ContentType: "application/x-amz-json-1.1", SigningName: "events", MapError: mapError, Ops: awsjson.Bind("events", a, operations),
	}
}

type api struct {
	buses *bus.Buses
	conns *connection.Connections
}

// arn returns the ARN of a resource of this node.
func (a *api) arn(resource string) string {
	return strings.TrimSuffix(a.buses.ARN(""), "event-bus/") + resource
}

// blank is the answer of operations that have none.
var blank = []byte("{}")
