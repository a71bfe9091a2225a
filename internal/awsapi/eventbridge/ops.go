package eventbridge

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Operations returns all operations of EventBridge's model in order of their names.
func Operations() []awsjson.Operation[awsjson.Method[*api]] { return slices.Clone(operations) }

const (
	full    = awsjson.Full
	partial = awsjson.Partial
	none    = awsjson.None
)

const (
	noEndpoints     = "Global endpoints are not offered."
	noPartners      = "Partner event sources are not offered."
	permissionsKept = "The policy is kept and shown, and not enforced: who holds the node's keys may use all buses."
	targetsOffered  = "Targets are http(s) URLs, log:-, log:NAME, nats://HOST:PORT/SUBJECT, API destinations, and the ARNs of functions and buses of this node; of SQS queues, SNS topics, Kinesis streams, state machines and log groups, and SQS queues for dead letters, if it was started with --aws. An event goes from bus to bus once, as it is: inputs do not count there. ARNs of other AWS services are kept, and their events go to the dead letters with NO_RESOURCE. " +
		"RoleArn and the parameter blocks other than HttpParameters, KinesisParameters and SqsParameters are kept without effect. " +
		"In an InputTransformer, aws.events.event.ingestion-time is the event's time; an event whose input cannot be made goes to the dead letters."
)

var operations = []awsjson.Operation[awsjson.Method[*api]]{
	{"ActivateEventSource", none, noPartners, nil},
	{"CancelReplay", full, "", (*api).cancelReplay},
	{"CreateApiDestination", full, "http:// endpoints are taken, too.", (*api).createApiDestination},
	{"CreateArchive", partial, "KmsKeyIdentifier is refused. An archive is ENABLED at once, its counts are exact at every moment, and its retention counts the days that the node ran.", (*api).createArchive},
	{"CreateConnection", partial, "KmsKeyIdentifier and private connectivity are refused. What authorizes is sealed in the node's folder, under the key of its file KEY; no secret is made in Secrets Manager.", (*api).createConnection},
	{"CreateEndpoint", none, noEndpoints, nil},
	{"CreateEventBus", partial, "KmsKeyIdentifier and EventSourceName are refused; DeadLetterConfig and LogConfig are kept without effect.", (*api).createEventBus},
	{"CreatePartnerEventSource", none, noPartners, nil},
	{"DeactivateEventSource", none, noPartners, nil},
	{"DeauthorizeConnection", full, "", (*api).deauthorizeConnection},
	{"DeleteApiDestination", full, "", (*api).deleteApiDestination},
	{"DeleteArchive", full, "", (*api).deleteArchive},
	{"DeleteConnection", full, "", (*api).deleteConnection},
	{"DeleteEndpoint", none, noEndpoints, nil},
	{"DeleteEventBus", full, "A bus that has rules is refused.", (*api).deleteEventBus},
	{"DeletePartnerEventSource", none, noPartners, nil},
	{"DeleteRule", full, "", (*api).deleteRule},
	{"DescribeApiDestination", full, "", (*api).describeApiDestination},
	{"DescribeArchive", full, "", (*api).describeArchive},
	{"DescribeConnection", full, "", (*api).describeConnection},
	{"DescribeEndpoint", none, noEndpoints, nil},
	{"DescribeEventBus", full, "", (*api).describeEventBus},
	{"DescribeEventSource", none, noPartners, nil},
	{"DescribePartnerEventSource", none, noPartners, nil},
	{"DescribeReplay", full, "", (*api).describeReplay},
	{"DescribeRule", full, "", (*api).describeRule},
	{"DisableRule", full, "", (*api).disableRule},
	{"EnableRule", full, "", (*api).enableRule},
	{"ListApiDestinations", full, "", (*api).listApiDestinations},
	{"ListArchives", full, "", (*api).listArchives},
	{"ListConnections", full, "", (*api).listConnections},
	{"ListEndpoints", none, noEndpoints, nil},
	{"ListEventBuses", full, "", (*api).listEventBuses},
	{"ListEventSources", none, noPartners, nil},
	{"ListPartnerEventSourceAccounts", none, noPartners, nil},
	{"ListPartnerEventSources", none, noPartners, nil},
	{"ListReplays", full, "", (*api).listReplays},
	{"ListRuleNamesByTarget", full, "", (*api).listRuleNamesByTarget},
	{"ListRules", full, "", (*api).listRules},
	{"ListTagsForResource", full, "Buses and rules have tags.", (*api).listTagsForResource},
	{"ListTargetsByRule", full, "", (*api).listTargetsByRule},
	{"PutEvents", partial, "EndpointId is refused. An event for a bus that does not exist is answered as AWS does, and is logged and counted; a node started with --strict-buses answers it as an error of its entry. An entry may have EventGroupId and DeduplicationId, at most 128 characters each, as the newer event buses of AWS have them: events of a group keep their order for targets that ask for it, and of the entries with one deduplication id on a bus within 5 minutes one becomes an event; the others answer with its EventId and the SuccessCode DEDUPLICATED.", (*api).putEvents},
	{"PutPartnerEvents", none, noPartners, nil},
	{"PutPermission", partial, permissionsKept, (*api).putPermission},
	{"PutRule", partial, "A schedule missed while no node ran fires once when one starts. A change takes effect before the answer. ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is kept as ENABLED.", (*api).putRule},
	{"PutTargets", partial, targetsOffered, (*api).putTargets},
	{"RemovePermission", partial, permissionsKept, (*api).removePermission},
	{"RemoveTargets", full, "What is pending for the target is dropped and counted.", (*api).removeTargets},
	{"StartReplay", full, "Events are sent in the order in which they were accepted; EventEndTime is not part of the window.", (*api).startReplay},
	{"TagResource", full, "Buses and rules have tags.", (*api).tagResource},
	{"TestEventPattern", full, "", (*api).testEventPattern},
	{"UntagResource", full, "Buses and rules have tags.", (*api).untagResource},
	{"UpdateApiDestination", full, "", (*api).updateApiDestination},
	{"UpdateArchive", partial, "KmsKeyIdentifier is refused.", (*api).updateArchive},
	{"UpdateConnection", partial, "KmsKeyIdentifier and private connectivity are refused.", (*api).updateConnection},
	{"UpdateEndpoint", none, noEndpoints, nil},
	{"UpdateEventBus", partial, "KmsKeyIdentifier is refused; DeadLetterConfig and LogConfig are kept without effect.", (*api).updateEventBus},
}
