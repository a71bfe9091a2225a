package eventbridge

import (
	"context"
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// A Status says how much of an operation is offered.
type Status string

// The statuses.
const (
	Full    Status = "full"    // all parameters, answers and errors
	Partial Status = "partial" // with what the note says
	None    Status = "none"    // answers UnknownOperationException
)

// An Operation is one operation of EventBridge and how much of it is offered.
type Operation struct {
	Name   string
	Status Status
	Note   string // what differs, for users

	run func(*api, context.Context, []byte) ([]byte, error) // nil if not offered
}

// Operations returns all operations of EventBridge's model in order of their
// names.
func Operations() []Operation { return slices.Clone(operations) }

const (
	noEndpoints     = "Global endpoints are not offered."
	noPartners      = "Partner event sources are not offered."
	permissionsKept = "The policy is kept and shown, and not enforced: who holds the node's keys may use all buses."
	targetsOffered  = "Targets are http(s) URLs, log:-, log:NAME, nats://HOST:PORT/SUBJECT, API destinations, and the ARNs of functions and buses of this node; of SQS queues, SNS topics, Kinesis streams, state machines and log groups, and SQS queues for dead letters, if it was started with --aws. An event goes from bus to bus once, as it is: inputs do not count there. ARNs of other AWS services are kept, and their events go to the dead letters with NO_RESOURCE. " +
		"RoleArn and the parameter blocks other than HttpParameters, KinesisParameters and SqsParameters are kept without effect. " +
		"In an InputTransformer, aws.events.event.ingestion-time is the event's time; an event whose input cannot be made goes to the dead letters."
)

var operations = []Operation{
	{"ActivateEventSource", None, noPartners, nil},
	{"CancelReplay", Full, "", (*api).cancelReplay},
	{"CreateApiDestination", Full, "http:// endpoints are taken, too.", (*api).createApiDestination},
	{"CreateArchive", Partial, "KmsKeyIdentifier is refused. An archive is ENABLED at once, its counts are exact at every moment, and its retention counts the days that the node ran.", (*api).createArchive},
	{"CreateConnection", Partial, "KmsKeyIdentifier and private connectivity are refused. What authorizes is sealed in the node's folder, under the key of its file KEY; no secret is made in Secrets Manager.", (*api).createConnection},
	{"CreateEndpoint", None, noEndpoints, nil},
	{"CreateEventBus", Partial, "KmsKeyIdentifier and EventSourceName are refused; DeadLetterConfig and LogConfig are kept without effect.", (*api).createEventBus},
	{"CreatePartnerEventSource", None, noPartners, nil},
	{"DeactivateEventSource", None, noPartners, nil},
	{"DeauthorizeConnection", Full, "", (*api).deauthorizeConnection},
	{"DeleteApiDestination", Full, "", (*api).deleteApiDestination},
	{"DeleteArchive", Full, "", (*api).deleteArchive},
	{"DeleteConnection", Full, "", (*api).deleteConnection},
	{"DeleteEndpoint", None, noEndpoints, nil},
	{"DeleteEventBus", Full, "A bus that has rules is refused.", (*api).deleteEventBus},
	{"DeletePartnerEventSource", None, noPartners, nil},
	{"DeleteRule", Full, "", (*api).deleteRule},
	{"DescribeApiDestination", Full, "", (*api).describeApiDestination},
	{"DescribeArchive", Full, "", (*api).describeArchive},
	{"DescribeConnection", Full, "", (*api).describeConnection},
	{"DescribeEndpoint", None, noEndpoints, nil},
	{"DescribeEventBus", Full, "", (*api).describeEventBus},
	{"DescribeEventSource", None, noPartners, nil},
	{"DescribePartnerEventSource", None, noPartners, nil},
	{"DescribeReplay", Full, "", (*api).describeReplay},
	{"DescribeRule", Full, "", (*api).describeRule},
	{"DisableRule", Full, "", (*api).disableRule},
	{"EnableRule", Full, "", (*api).enableRule},
	{"ListApiDestinations", Full, "", (*api).listApiDestinations},
	{"ListArchives", Full, "", (*api).listArchives},
	{"ListConnections", Full, "", (*api).listConnections},
	{"ListEndpoints", None, noEndpoints, nil},
	{"ListEventBuses", Full, "", (*api).listEventBuses},
	{"ListEventSources", None, noPartners, nil},
	{"ListPartnerEventSourceAccounts", None, noPartners, nil},
	{"ListPartnerEventSources", None, noPartners, nil},
	{"ListReplays", Full, "", (*api).listReplays},
	{"ListRuleNamesByTarget", Full, "", (*api).listRuleNamesByTarget},
	{"ListRules", Full, "", (*api).listRules},
	{"ListTagsForResource", Full, "Buses and rules have tags.", (*api).listTagsForResource},
	{"ListTargetsByRule", Full, "", (*api).listTargetsByRule},
	{"PutEvents", Partial, "EndpointId is refused. An event for a bus that does not exist is answered as AWS does, and is logged and counted; a node started with --strict-buses answers it as an error of its entry. An entry may have EventGroupId and DeduplicationId, at most 128 characters each, as the newer event buses of AWS have them: events of a group keep their order for targets that ask for it, and of the entries with one deduplication id on a bus within 5 minutes one becomes an event; the others answer with its EventId and the SuccessCode DEDUPLICATED.", (*api).putEvents},
	{"PutPartnerEvents", None, noPartners, nil},
	{"PutPermission", Partial, permissionsKept, (*api).putPermission},
	{"PutRule", Partial, "A schedule missed while no node ran fires once when one starts. A change takes effect before the answer. ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is kept as ENABLED.", (*api).putRule},
	{"PutTargets", Partial, targetsOffered, (*api).putTargets},
	{"RemovePermission", Partial, permissionsKept, (*api).removePermission},
	{"RemoveTargets", Full, "What is pending for the target is dropped and counted.", (*api).removeTargets},
	{"StartReplay", Full, "Events are sent in the order in which they were accepted; EventEndTime is not part of the window.", (*api).startReplay},
	{"TagResource", Full, "Buses and rules have tags.", (*api).tagResource},
	{"TestEventPattern", Full, "", (*api).testEventPattern},
	{"UntagResource", Full, "Buses and rules have tags.", (*api).untagResource},
	{"UpdateApiDestination", Full, "", (*api).updateApiDestination},
	{"UpdateArchive", Partial, "KmsKeyIdentifier is refused.", (*api).updateArchive},
	{"UpdateConnection", Partial, "KmsKeyIdentifier and private connectivity are refused.", (*api).updateConnection},
	{"UpdateEndpoint", None, noEndpoints, nil},
	{"UpdateEventBus", Partial, "KmsKeyIdentifier is refused; DeadLetterConfig and LogConfig are kept without effect.", (*api).updateEventBus},
}

// bind returns the operation over an api.
func (o Operation) bind(a *api) awsjson.Op {
	if o.run == nil {
		err := awsjson.UnknownOperation(o.Name + " is not offered here. " + o.Note)
		return func(context.Context, []byte) ([]byte, error) { return nil, err }
	}
	return func(ctx context.Context, body []byte) ([]byte, error) { return o.run(a, ctx, body) }
}
