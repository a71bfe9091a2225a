// Package eventbridge is the wire of Amazon EventBridge (the classic buses)
// over package bus: it decodes a request, makes one domain call, and encodes
// the answer. errors.go is the one place that knows EventBridge's exception
// names.
//
// Source: Amazon EventBridge API reference; texts as recorded from the service.
package eventbridge

import (
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// Service returns the operations over the buses.
func Service(buses *bus.Buses) awsjson.Service {
	a := &api{buses}
	return awsjson.Service{
		TargetPrefix: "AWSEvents", ContentType: "application/x-amz-json-1.1", SigningName: "events", MapError: mapError,
		Ops: map[string]awsjson.Op{
			"CreateEventBus": a.createEventBus, "DescribeEventBus": a.describeEventBus, "ListEventBuses": a.listEventBuses, "DeleteEventBus": a.deleteEventBus,
			"PutRule": a.putRule, "DescribeRule": a.describeRule, "ListRules": a.listRules, "DeleteRule": a.deleteRule,
			"EnableRule": a.enableRule, "DisableRule": a.disableRule,
			"PutTargets": a.putTargets, "RemoveTargets": a.removeTargets, "ListTargetsByRule": a.listTargetsByRule,
			"PutEvents": a.putEvents, "TestEventPattern": a.testEventPattern,
		},
	}
}

type api struct{ buses *bus.Buses }
