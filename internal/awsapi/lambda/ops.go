package lambda

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

// An Operation is one operation of Lambda and how much of it is offered.
type Operation struct {
	Name   string
	Status Status
	Note   string // what differs, for users

	method, path string
	run          func(*api, context.Context, *awsjson.Request) (*awsjson.Answer, error) // nil if not offered
}

// Operations returns all operations of Lambda's model in order of their names.
func Operations() []Operation { return slices.Clone(operations) }

// bind returns the operation over an api.
func (o Operation) bind(a *api) awsjson.RESTOp {
	return func(ctx context.Context, r *awsjson.Request) (*awsjson.Answer, error) { return o.run(a, ctx, r) }
}

const (
	noLayers   = "Layers are not offered; put what they hold into the function's code."
	noVersions = "Functions have one version, $LATEST."
	noSigning  = "Code signing is not offered."
	noURLs     = "Function URLs are not offered."
	noDurable  = "Durable executions are not offered."
	noCapacity = "Capacity providers are not offered."
	noMore     = "Not offered."
)

var operations = []Operation{
	{Name: "AddLayerVersionPermission", Status: None, Note: noLayers},
	{"AddPermission", Partial, "Policies are kept and not enforced.", "POST", "/2015-03-31/functions/{FunctionName}/policy", (*api).addPermission},
	{Name: "CheckpointDurableExecution", Status: None, Note: noDurable},
	{Name: "CreateAlias", Status: None, Note: noVersions},
	{Name: "CreateCapacityProvider", Status: None, Note: noCapacity},
	{Name: "CreateCodeSigningConfig", Status: None, Note: noSigning},
	{"CreateEventSourceMapping", Partial, "The sources are streams of tables. OnFailure is a function or an event bus of this node, a URL, log:NAME, a queue of SQS or topic of SNS (with --aws), or dead-letters, which keeps records in the store; it is told the records, too. Without it a record that fails again and again is parked with its item, and all else flows on; the tag tablecast:on-error (park, block, skip) says otherwise.", "POST", "/2015-03-31/event-source-mappings", (*api).createEventSourceMapping},
	{"CreateFunction", Partial, "Code is a zip file, or a directory of this machine: S3Bucket hot-reload, S3Key its absolute path. The code is looked at once; the function is Active, or Failed with a reason, when the call returns. Layers and images are refused; what else AWS offers around a function is accepted and not kept.", "POST", "/2015-03-31/functions", (*api).createFunction},
	{Name: "CreateFunctionUrlConfig", Status: None, Note: noURLs},
	{Name: "DeleteAlias", Status: None, Note: noVersions},
	{Name: "DeleteCapacityProvider", Status: None, Note: noCapacity},
	{Name: "DeleteCodeSigningConfig", Status: None, Note: noSigning},
	{"DeleteEventSourceMapping", Full, "Parked records go with the mapping.", "DELETE", "/2015-03-31/event-source-mappings/{UUID}", (*api).deleteEventSourceMapping},
	{"DeleteFunction", Full, "Invocations that run go on to their end.", "DELETE", "/2015-03-31/functions/{FunctionName}", (*api).deleteFunction},
	{Name: "DeleteFunctionCodeSigningConfig", Status: None, Note: noSigning},
	{"DeleteFunctionConcurrency", Full, "", "DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", (*api).deleteFunctionConcurrency},
	{"DeleteFunctionEventInvokeConfig", Full, "", "DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).deleteFunctionEventInvokeConfig},
	{Name: "DeleteFunctionUrlConfig", Status: None, Note: noURLs},
	{Name: "DeleteLayerVersion", Status: None, Note: noLayers},
	{Name: "DeleteProvisionedConcurrencyConfig", Status: None, Note: noVersions},
	{Name: "DeleteResourcePolicy", Status: None, Note: noMore},
	{Name: "GetAccountSettings", Status: None, Note: noMore},
	{Name: "GetAlias", Status: None, Note: noVersions},
	{Name: "GetCapacityProvider", Status: None, Note: noCapacity},
	{Name: "GetCodeSigningConfig", Status: None, Note: noSigning},
	{Name: "GetDurableExecution", Status: None, Note: noDurable},
	{Name: "GetDurableExecutionHistory", Status: None, Note: noDurable},
	{Name: "GetDurableExecutionState", Status: None, Note: noDurable},
	{"GetEventSourceMapping", Full, "", "GET", "/2015-03-31/event-source-mappings/{UUID}", (*api).getEventSourceMapping},
	{"GetFunction", Full, "Code.Location is a folder of this machine.", "GET", "/2015-03-31/functions/{FunctionName}", (*api).getFunction},
	{Name: "GetFunctionCodeSigningConfig", Status: None, Note: noSigning},
	{"GetFunctionConcurrency", Full, "", "GET", "/2019-09-30/functions/{FunctionName}/concurrency", (*api).getFunctionConcurrency},
	{"GetFunctionConfiguration", Full, "", "GET", "/2015-03-31/functions/{FunctionName}/configuration", (*api).getFunctionConfiguration},
	{"GetFunctionEventInvokeConfig", Full, "", "GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).getFunctionEventInvokeConfig},
	{Name: "GetFunctionRecursionConfig", Status: None, Note: noMore},
	{Name: "GetFunctionScalingConfig", Status: None, Note: noMore},
	{Name: "GetFunctionUrlConfig", Status: None, Note: noURLs},
	{Name: "GetLayerVersion", Status: None, Note: noLayers},
	{Name: "GetLayerVersionByArn", Status: None, Note: noLayers},
	{Name: "GetLayerVersionPolicy", Status: None, Note: noLayers},
	{"GetPolicy", Full, "", "GET", "/2015-03-31/functions/{FunctionName}/policy", (*api).getPolicy},
	{Name: "GetProvisionedConcurrencyConfig", Status: None, Note: noVersions},
	{Name: "GetResourcePolicy", Status: None, Note: noMore},
	{Name: "GetRuntimeManagementConfig", Status: None, Note: noMore},
	{"Invoke", Full, "Events that nobody waits for are durable when the call returns; without a destination those that fail are kept as dead letters.", "POST", "/2015-03-31/functions/{FunctionName}/invocations", (*api).invoke},
	{Name: "InvokeAsync", Status: None, Note: noMore},
	{Name: "InvokeWithResponseStream", Status: None, Note: noMore},
	{Name: "ListAliases", Status: None, Note: noVersions},
	{Name: "ListCapacityProviders", Status: None, Note: noCapacity},
	{Name: "ListCodeSigningConfigs", Status: None, Note: noSigning},
	{Name: "ListDurableExecutionsByFunction", Status: None, Note: noDurable},
	{"ListEventSourceMappings", Full, "", "GET", "/2015-03-31/event-source-mappings", (*api).listEventSourceMappings},
	{Name: "ListFunctionEventInvokeConfigs", Status: None, Note: noMore},
	{Name: "ListFunctionUrlConfigs", Status: None, Note: noURLs},
	{Name: "ListFunctionVersionsByCapacityProvider", Status: None, Note: noVersions},
	{"ListFunctions", Full, "Functions of tablecast.yaml are listed, too.", "GET", "/2015-03-31/functions", (*api).listFunctions},
	{Name: "ListFunctionsByCodeSigningConfig", Status: None, Note: noSigning},
	{Name: "ListLayerVersions", Status: None, Note: noLayers},
	{Name: "ListLayers", Status: None, Note: noLayers},
	{Name: "ListProvisionedConcurrencyConfigs", Status: None, Note: noVersions},
	{"ListTags", Partial, "Functions and event source mappings have tags.", "GET", "/2017-03-31/tags/{ARN}", (*api).listTags},
	{Name: "ListVersionsByFunction", Status: None, Note: noVersions},
	{Name: "PublishLayerVersion", Status: None, Note: noLayers},
	{Name: "PublishVersion", Status: None, Note: noVersions},
	{Name: "PutFunctionCodeSigningConfig", Status: None, Note: noSigning},
	{"PutFunctionConcurrency", Full, "The most processes at once; 10 unless set.", "PUT", "/2017-10-31/functions/{FunctionName}/concurrency", (*api).putFunctionConcurrency},
	{"PutFunctionEventInvokeConfig", Partial, "Destinations are functions and event buses of this node, URLs, log:NAME and, if it was started with --aws, queues of SQS and topics of SNS. A record that one refuses for good becomes a dead letter of the function.", "PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).putFunctionEventInvokeConfig},
	{Name: "PutFunctionRecursionConfig", Status: None, Note: noMore},
	{Name: "PutFunctionScalingConfig", Status: None, Note: noMore},
	{Name: "PutProvisionedConcurrencyConfig", Status: None, Note: noVersions},
	{Name: "PutResourcePolicy", Status: None, Note: noMore},
	{Name: "PutRuntimeManagementConfig", Status: None, Note: noMore},
	{Name: "RemoveLayerVersionPermission", Status: None, Note: noLayers},
	{"RemovePermission", Full, "", "DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", (*api).removePermission},
	{Name: "SendDurableExecutionCallbackFailure", Status: None, Note: noDurable},
	{Name: "SendDurableExecutionCallbackHeartbeat", Status: None, Note: noDurable},
	{Name: "SendDurableExecutionCallbackSuccess", Status: None, Note: noDurable},
	{Name: "StopDurableExecution", Status: None, Note: noDurable},
	{"TagResource", Partial, "Functions and event source mappings have tags.", "POST", "/2017-03-31/tags/{ARN}", (*api).tagResource},
	{"UntagResource", Partial, "Functions and event source mappings have tags.", "DELETE", "/2017-03-31/tags/{ARN}", (*api).untagResource},
	{Name: "UpdateAlias", Status: None, Note: noVersions},
	{Name: "UpdateCapacityProvider", Status: None, Note: noCapacity},
	{Name: "UpdateCodeSigningConfig", Status: None, Note: noSigning},
	{"UpdateEventSourceMapping", Partial, "As CreateEventSourceMapping; in force once what is under way has ended.", "PUT", "/2015-03-31/event-source-mappings/{UUID}", (*api).updateEventSourceMapping},
	{"UpdateFunctionCode", Partial, "As CreateFunction. Publish has no effect: there is one version, $LATEST.", "PUT", "/2015-03-31/functions/{FunctionName}/code", (*api).updateFunctionCode},
	{"UpdateFunctionConfiguration", Partial, "Runtime, Handler, Role, Description, Timeout, MemorySize and Environment.", "PUT", "/2015-03-31/functions/{FunctionName}/configuration", (*api).updateFunctionConfiguration},
	{"UpdateFunctionEventInvokeConfig", Partial, "As PutFunctionEventInvokeConfig.", "POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).updateFunctionEventInvokeConfig},
	{Name: "UpdateFunctionUrlConfig", Status: None, Note: noURLs},
}
