package eventbridge

import (
	"github.com/tablecast/tablecast/internal/awsjson"
)

// The functions here read from a request which permissions it needs: the operation's
// own action on each resource that it names. They read names as the operations do, so
// that what is permitted is what is worked on.

// Actions returns the actions that keys can be allowed.
func Actions() []string {
	out := []string{"events:InvokeApiDestination"} // of PutTargets
	for _, o := range operations {
		out = append(out, "events:"+o.Name)
	}
	return out
}

func onAll(*api, []byte) ([]awsjson.Permission, error) { return awsjson.On(awsjson.Anything), nil }

// onNamedBus is for operations whose Name is a bus.
func onNamedBus(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Name *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.buses.ARN(a.busOf(r.Name))), err
}

func onBus(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ EventBusName *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.buses.ARN(a.busOf(r.EventBusName))), err
}

func onEntries(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		Entries list[struct{ EventBusName *string }]
	}
	err := awsjson.Decode(body, &r)
	var on []string
	for _, e := range r.Entries {
		on = append(on, a.buses.ARN(a.busOf(e.EventBusName)))
	}
	return awsjson.On(on...), err
}

// onNamedRule is for operations whose Name is a rule.
func onNamedRule(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Name, EventBusName *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.buses.RuleARN(a.busOf(r.EventBusName), value(r.Name))), err
}

func onRule(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Rule, EventBusName *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.buses.RuleARN(a.busOf(r.EventBusName), value(r.Rule))), err
}

// onTargets needs what the rule will call, too: it calls its targets with the node's own
// rights.
func onTargets(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		Rule, EventBusName *string
		Targets            list[struct {
			Arn              *string
			DeadLetterConfig *deadLetterConfig
		}]
	}
	err := awsjson.Decode(body, &r)
	need := awsjson.On(a.buses.RuleARN(a.busOf(r.EventBusName), value(r.Rule)))
	for _, t := range r.Targets {
		need = append(need, awsjson.ToCall(value(t.Arn))...)
		if t.DeadLetterConfig != nil {
			need = append(need, awsjson.ToCall(value(t.DeadLetterConfig.Arn))...)
		}
	}
	return need, err
}

// onResource is for operations on the tags of a bus or a rule.
func onResource(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ ResourceARN *string }
	if err := awsjson.Decode(body, &r); err != nil || r.ResourceARN == nil {
		return nil, err
	}
	name, rule, err := a.resourceOf(*r.ResourceARN)
	switch {
	case err != nil:
		return nil, err
	case rule == "":
		return awsjson.On(a.buses.ARN(name)), nil
	default:
		return awsjson.On(a.buses.RuleARN(name, rule)), nil
	}
}

// onArchive needs the bus, too, whose events a new archive keeps.
func onArchive(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ ArchiveName, EventSourceArn *string }
	err := awsjson.Decode(body, &r)
	on := []string{a.arn("archive/" + value(r.ArchiveName))}
	if r.EventSourceArn != nil {
		on = append(on, a.busNamed(*r.EventSourceArn))
	}
	return awsjson.On(on...), err
}

// onReplay needs the archive, which is read, and the bus, which gets its events.
func onReplay(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		ReplayName, EventSourceArn *string
		Destination                *struct{ Arn *string }
	}
	err := awsjson.Decode(body, &r)
	on := []string{a.arn("replay/" + value(r.ReplayName))}
	if r.EventSourceArn != nil {
		on = append(on, a.arn("archive/"+a.resourceName(*r.EventSourceArn, "archive")))
	}
	if r.Destination != nil {
		on = append(on, a.busNamed(value(r.Destination.Arn)))
	}
	return awsjson.On(on...), err
}

func (a *api) busNamed(arn string) string {
	name, _, err := a.resourceOf(arn)
	if err != nil {
		return awsjson.Anything
	}
	return a.buses.ARN(name)
}

func onConnection(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Name *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.arn("connection/" + value(r.Name))), err
}

// onDestination needs the connection, too, whose secrets calls of the destination
// carry.
func onDestination(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Name, ConnectionArn *string }
	err := awsjson.Decode(body, &r)
	on := []string{a.arn("api-destination/" + value(r.Name))}
	if r.ConnectionArn != nil {
		on = append(on, a.arn("connection/"+a.connectionOf(*r.ConnectionArn)))
	}
	return awsjson.On(on...), err
}

// onKeptDestination is onDestination for a change, after which calls carry the secrets of
// the connection that the destination has, unless another is named.
func onKeptDestination(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ Name, ConnectionArn *string }
	if err := awsjson.Decode(body, &r); err != nil || r.ConnectionArn != nil {
		return onDestination(a, body)
	}
	on := []string{a.arn("api-destination/" + value(r.Name))}
	if d, _, err := a.conns.Destination(value(r.Name)); err == nil {
		on = append(on, a.arn("connection/"+d.Connection))
	}
	return awsjson.On(on...), nil
}
