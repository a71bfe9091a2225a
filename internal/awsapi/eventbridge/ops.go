package eventbridge

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Operations returns all operations of EventBridge's model in order of their names.
func Operations() []awsjson.Operation[call] { return slices.Clone(operations) }

type call = awsjson.Method[*api]

const (
	full    = awsjson.Full
	partial = awsjson.Partial
	none    = awsjson.None
)

const (
	noEndpoints     = "Global endpoints are not offered."
	noPartners      = "Partner event sources are not offered."
	permissionsKept = "The policy is kept and shown, and not enforced: what the node's keys allow decides."
	targetsOffered  = "Targets are http(s) URLs, log:-, log:NAME, nats://HOST:PORT/SUBJECT, API destinations, and the ARNs of functions and buses of this node; of SQS queues, SNS topics, Kinesis streams, state machines and log groups, and SQS queues for dead letters, if it was started with --aws. An event goes from bus to bus once, as it is: inputs do not count there. ARNs of other AWS services are kept, and their events go to the dead letters with NO_RESOURCE. " +
		"RoleArn and the parameter blocks other than HttpParameters, KinesisParameters and SqsParameters are kept without effect. " +
		"In an InputTransformer, aws.events.event.ingestion-time is the event's time; an event whose input cannot be made goes to the dead letters."
)

var operations = []awsjson.Operation[call]{
	{"ActivateEventSource", none, noPartners, call{}},
	{"CancelReplay", full, "", call{(*api).cancelReplay, onReplay}},
	{"CreateApiDestination", partial, "http:// endpoints are taken, too.", call{(*api).createApiDestination, onDestination}},
	{"CreateArchive", partial, "KmsKeyIdentifier is refused. An archive is ENABLED at once, its counts are exact at every moment, and its retention counts the days that the node ran.", call{(*api).createArchive, onArchive}},
	{"CreateConnection", partial, "KmsKeyIdentifier and private connectivity are refused. What authorizes is sealed in the node's folder, under the key of its file KEY; no secret is made in Secrets Manager.", call{(*api).createConnection, onConnection}},
	{"CreateEndpoint", none, noEndpoints, call{}},
	{"CreateEventBus", partial, "KmsKeyIdentifier and EventSourceName are refused; DeadLetterConfig and LogConfig are kept without effect.", call{(*api).createEventBus, onNamedBus}},
	{"CreatePartnerEventSource", none, noPartners, call{}},
	{"DeactivateEventSource", none, noPartners, call{}},
	{"DeauthorizeConnection", full, "", call{(*api).deauthorizeConnection, onConnection}},
	{"DeleteApiDestination", full, "", call{(*api).deleteApiDestination, onDestination}},
	{"DeleteArchive", full, "", call{(*api).deleteArchive, onArchive}},
	{"DeleteConnection", full, "", call{(*api).deleteConnection, onConnection}},
	{"DeleteEndpoint", none, noEndpoints, call{}},
	{"DeleteEventBus", full, "", call{(*api).deleteEventBus, onNamedBus}},
	{"DeletePartnerEventSource", none, noPartners, call{}},
	{"DeleteRule", full, "", call{(*api).deleteRule, onNamedRule}},
	{"DescribeApiDestination", full, "", call{(*api).describeApiDestination, onDestination}},
	{"DescribeArchive", full, "", call{(*api).describeArchive, onArchive}},
	{"DescribeConnection", full, "", call{(*api).describeConnection, onConnection}},
	{"DescribeEndpoint", none, noEndpoints, call{}},
	{"DescribeEventBus", full, "", call{(*api).describeEventBus, onNamedBus}},
	{"DescribeEventSource", none, noPartners, call{}},
	{"DescribePartnerEventSource", none, noPartners, call{}},
	{"DescribeReplay", full, "", call{(*api).describeReplay, onReplay}},
	{"DescribeRule", full, "", call{(*api).describeRule, onNamedRule}},
	{"DisableRule", full, "", call{(*api).disableRule, onNamedRule}},
	{"EnableRule", full, "", call{(*api).enableRule, onNamedRule}},
	{"ListApiDestinations", full, "", call{(*api).listApiDestinations, onAll}},
	{"ListArchives", full, "", call{(*api).listArchives, onAll}},
	{"ListConnections", full, "", call{(*api).listConnections, onAll}},
	{"ListEndpoints", none, noEndpoints, call{}},
	{"ListEventBuses", full, "", call{(*api).listEventBuses, onAll}},
	{"ListEventSources", none, noPartners, call{}},
	{"ListPartnerEventSourceAccounts", none, noPartners, call{}},
	{"ListPartnerEventSources", none, noPartners, call{}},
	{"ListReplays", full, "", call{(*api).listReplays, onAll}},
	{"ListRuleNamesByTarget", full, "", call{(*api).listRuleNamesByTarget, onAll}},
	{"ListRules", full, "", call{(*api).listRules, onBus}},
	{"ListTagsForResource", full, "", call{(*api).listTagsForResource, onResource}},
	{"ListTargetsByRule", full, "", call{(*api).listTargetsByRule, onRule}},
	{"PutEvents", partial, "EndpointId is refused. An event for a bus that does not exist is answered as AWS does, and is logged and counted; a node started with --strict-buses answers it as an error of its entry. An entry of which archives and targets would have more than 128 MiB is answered with the ErrorCode LimitExceededException; with ThrottlingException, if it is too much only together with those before it. An entry may have EventGroupId and DeduplicationId, at most 128 characters each, as the newer event buses of AWS have them: events of a group keep their order for targets that ask for it, and of the entries with one deduplication id on a bus within 5 minutes one becomes an event; the others answer with its EventId and the SuccessCode DEDUPLICATED.", call{(*api).putEvents, onEntries}},
	{"PutPartnerEvents", none, noPartners, call{}},
	{"PutPermission", partial, permissionsKept, call{(*api).putPermission, onBus}},
	{"PutRule", partial, "A schedule missed while no node ran fires once when one starts. A change takes effect before the answer. ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is kept as ENABLED.", call{(*api).putRule, onNamedRule}},
	{"PutTargets", partial, targetsOffered, call{(*api).putTargets, onTargets}},
	{"RemovePermission", partial, permissionsKept, call{(*api).removePermission, onBus}},
	{"RemoveTargets", partial, "What is pending for the target is dropped and counted.", call{(*api).removeTargets, onRule}},
	{"StartReplay", partial, "Events are sent in the order in which they were accepted; EventEndTime is not part of the window.", call{(*api).startReplay, onReplay}},
	{"TagResource", full, "", call{(*api).tagResource, onResource}},
	{"TestEventPattern", full, "", call{(*api).testEventPattern, onAll}},
	{"UntagResource", full, "", call{(*api).untagResource, onResource}},
	{"UpdateApiDestination", full, "", call{(*api).updateApiDestination, onKeptDestination}},
	{"UpdateArchive", partial, "KmsKeyIdentifier is refused.", call{(*api).updateArchive, onArchive}},
	{"UpdateConnection", partial, "KmsKeyIdentifier and private connectivity are refused.", call{(*api).updateConnection, onConnection}},
	{"UpdateEndpoint", none, noEndpoints, call{}},
	{"UpdateEventBus", partial, "KmsKeyIdentifier is refused; DeadLetterConfig and LogConfig are kept without effect.", call{(*api).updateEventBus, onNamedBus}},
}
