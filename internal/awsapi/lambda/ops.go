package lambda

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Operations returns all operations of Lambda's model in order of their names.
func Operations() []awsjson.Operation[awsjson.RESTMethod[*api]] { return slices.Clone(operations) }

type route = awsjson.RESTMethod[*api]

const (
	full    = awsjson.Full
	partial = awsjson.Partial
	none    = awsjson.None
)

const (
	noLayers   = "Layers are not offered; put what they hold into the function's code."
	noVersions = "Functions have one version, $LATEST."
	noSigning  = "Code signing is not offered."
	noURLs     = "Function URLs are not offered."
	noDurable  = "Durable executions are not offered."
	noCapacity = "Capacity providers are not offered."
	noMore     = "Not offered."
)

var operations = []awsjson.Operation[awsjson.RESTMethod[*api]]{
	{Name: "AddLayerVersionPermission", Status: none, Note: noLayers},
	{"AddPermission", partial, "Policies are kept and not enforced.", route{"POST", "/2015-03-31/functions/{FunctionName}/policy", (*api).addPermission, onFunction}},
	{Name: "CheckpointDurableExecution", Status: none, Note: noDurable},
	{Name: "CreateAlias", Status: none, Note: noVersions},
	{Name: "CreateCapacityProvider", Status: none, Note: noCapacity},
	{Name: "CreateCodeSigningConfig", Status: none, Note: noSigning},
	{"CreateEventSourceMapping", partial, "The sources are streams of tables. OnFailure is a function or an event bus of this node, a URL, log:NAME, a queue of SQS or topic of SNS (with --aws), or dead-letters, which keeps them in the store; each gets the records themselves, too. Without it a record that fails again and again is parked with its item, and all else flows on; the tag tablecast:on-error (park, block, skip) says otherwise.", route{"POST", "/2015-03-31/event-source-mappings", (*api).createEventSourceMapping, onNewMapping}},
	{"CreateFunction", partial, "Code is a zip file, or a directory of this machine: S3Bucket hot-reload, S3Key its absolute path. The code is looked at once; the function is Active, or Failed with a reason, when the call returns. Layers and images are refused; what else AWS offers around a function is accepted and not kept.", route{"POST", "/2015-03-31/functions", (*api).createFunction, onNewFunction}},
	{Name: "CreateFunctionUrlConfig", Status: none, Note: noURLs},
	{Name: "DeleteAlias", Status: none, Note: noVersions},
	{Name: "DeleteCapacityProvider", Status: none, Note: noCapacity},
	{Name: "DeleteCodeSigningConfig", Status: none, Note: noSigning},
	{"DeleteEventSourceMapping", partial, "Parked records go with the mapping.", route{"DELETE", "/2015-03-31/event-source-mappings/{UUID}", (*api).deleteEventSourceMapping, onMapping}},
	{"DeleteFunction", partial, "Invocations that run go on to their end.", route{"DELETE", "/2015-03-31/functions/{FunctionName}", (*api).deleteFunction, onFunction}},
	{Name: "DeleteFunctionCodeSigningConfig", Status: none, Note: noSigning},
	{"DeleteFunctionConcurrency", full, "", route{"DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", (*api).deleteFunctionConcurrency, onFunction}},
	{"DeleteFunctionEventInvokeConfig", full, "", route{"DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).deleteFunctionEventInvokeConfig, onFunction}},
	{Name: "DeleteFunctionUrlConfig", Status: none, Note: noURLs},
	{Name: "DeleteLayerVersion", Status: none, Note: noLayers},
	{Name: "DeleteProvisionedConcurrencyConfig", Status: none, Note: noVersions},
	{Name: "DeleteResourcePolicy", Status: none, Note: noMore},
	{Name: "GetAccountSettings", Status: none, Note: noMore},
	{Name: "GetAlias", Status: none, Note: noVersions},
	{Name: "GetCapacityProvider", Status: none, Note: noCapacity},
	{Name: "GetCodeSigningConfig", Status: none, Note: noSigning},
	{Name: "GetDurableExecution", Status: none, Note: noDurable},
	{Name: "GetDurableExecutionHistory", Status: none, Note: noDurable},
	{Name: "GetDurableExecutionState", Status: none, Note: noDurable},
	{"GetEventSourceMapping", full, "", route{"GET", "/2015-03-31/event-source-mappings/{UUID}", (*api).getEventSourceMapping, onMapping}},
	{"GetFunction", partial, "Code.Location is a folder of this machine.", route{"GET", "/2015-03-31/functions/{FunctionName}", (*api).getFunction, onFunction}},
	{Name: "GetFunctionCodeSigningConfig", Status: none, Note: noSigning},
	{"GetFunctionConcurrency", full, "", route{"GET", "/2019-09-30/functions/{FunctionName}/concurrency", (*api).getFunctionConcurrency, onFunction}},
	{"GetFunctionConfiguration", full, "", route{"GET", "/2015-03-31/functions/{FunctionName}/configuration", (*api).getFunctionConfiguration, onFunction}},
	{"GetFunctionEventInvokeConfig", full, "", route{"GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).getFunctionEventInvokeConfig, onFunction}},
	{Name: "GetFunctionRecursionConfig", Status: none, Note: noMore},
	{Name: "GetFunctionScalingConfig", Status: none, Note: noMore},
	{Name: "GetFunctionUrlConfig", Status: none, Note: noURLs},
	{Name: "GetLayerVersion", Status: none, Note: noLayers},
	{Name: "GetLayerVersionByArn", Status: none, Note: noLayers},
	{Name: "GetLayerVersionPolicy", Status: none, Note: noLayers},
	{"GetPolicy", full, "", route{"GET", "/2015-03-31/functions/{FunctionName}/policy", (*api).getPolicy, onFunction}},
	{Name: "GetProvisionedConcurrencyConfig", Status: none, Note: noVersions},
	{Name: "GetResourcePolicy", Status: none, Note: noMore},
	{Name: "GetRuntimeManagementConfig", Status: none, Note: noMore},
	{"Invoke", partial, "Asynchronous invocations (Event) are durable when the call returns; without a destination those that fail are kept as dead letters.", route{"POST", "/2015-03-31/functions/{FunctionName}/invocations", (*api).invoke, onInvoke}},
	{Name: "InvokeAsync", Status: none, Note: noMore},
	{Name: "InvokeWithResponseStream", Status: none, Note: noMore},
	{Name: "ListAliases", Status: none, Note: noVersions},
	{Name: "ListCapacityProviders", Status: none, Note: noCapacity},
	{Name: "ListCodeSigningConfigs", Status: none, Note: noSigning},
	{Name: "ListDurableExecutionsByFunction", Status: none, Note: noDurable},
	{"ListEventSourceMappings", full, "", route{"GET", "/2015-03-31/event-source-mappings", (*api).listEventSourceMappings, onAll}},
	{Name: "ListFunctionEventInvokeConfigs", Status: none, Note: noMore},
	{Name: "ListFunctionUrlConfigs", Status: none, Note: noURLs},
	{Name: "ListFunctionVersionsByCapacityProvider", Status: none, Note: noVersions},
	{"ListFunctions", partial, "Functions of tablecast.yaml are listed, too.", route{"GET", "/2015-03-31/functions", (*api).listFunctions, onAll}},
	{Name: "ListFunctionsByCodeSigningConfig", Status: none, Note: noSigning},
	{Name: "ListLayerVersions", Status: none, Note: noLayers},
	{Name: "ListLayers", Status: none, Note: noLayers},
	{Name: "ListProvisionedConcurrencyConfigs", Status: none, Note: noVersions},
	{"ListTags", partial, "Functions and event source mappings have tags.", route{"GET", "/2017-03-31/tags/{ARN}", (*api).listTags, onTagged}},
	{Name: "ListVersionsByFunction", Status: none, Note: noVersions},
	{Name: "PublishLayerVersion", Status: none, Note: noLayers},
	{Name: "PublishVersion", Status: none, Note: noVersions},
	{Name: "PutFunctionCodeSigningConfig", Status: none, Note: noSigning},
	{"PutFunctionConcurrency", partial, "The most processes at once; 10 unless set.", route{"PUT", "/2017-10-31/functions/{FunctionName}/concurrency", (*api).putFunctionConcurrency, onFunction}},
	{"PutFunctionEventInvokeConfig", partial, "Destinations are functions and event buses of this node, URLs, log:NAME and, if it was started with --aws, queues of SQS and topics of SNS. A record that one refuses for good becomes a dead letter of the function.", route{"PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).putFunctionEventInvokeConfig, onEventConfig}},
	{Name: "PutFunctionRecursionConfig", Status: none, Note: noMore},
	{Name: "PutFunctionScalingConfig", Status: none, Note: noMore},
	{Name: "PutProvisionedConcurrencyConfig", Status: none, Note: noVersions},
	{Name: "PutResourcePolicy", Status: none, Note: noMore},
	{Name: "PutRuntimeManagementConfig", Status: none, Note: noMore},
	{Name: "RemoveLayerVersionPermission", Status: none, Note: noLayers},
	{"RemovePermission", full, "", route{"DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", (*api).removePermission, onFunction}},
	{Name: "SendDurableExecutionCallbackFailure", Status: none, Note: noDurable},
	{Name: "SendDurableExecutionCallbackHeartbeat", Status: none, Note: noDurable},
	{Name: "SendDurableExecutionCallbackSuccess", Status: none, Note: noDurable},
	{Name: "StopDurableExecution", Status: none, Note: noDurable},
	{"TagResource", partial, "Functions and event source mappings have tags.", route{"POST", "/2017-03-31/tags/{ARN}", (*api).tagResource, onTagged}},
	{"UntagResource", partial, "Functions and event source mappings have tags.", route{"DELETE", "/2017-03-31/tags/{ARN}", (*api).untagResource, onTagged}},
	{Name: "UpdateAlias", Status: none, Note: noVersions},
	{Name: "UpdateCapacityProvider", Status: none, Note: noCapacity},
	{Name: "UpdateCodeSigningConfig", Status: none, Note: noSigning},
	{"UpdateEventSourceMapping", partial, "As CreateEventSourceMapping; in force once what is under way has ended.", route{"PUT", "/2015-03-31/event-source-mappings/{UUID}", (*api).updateEventSourceMapping, onMapping}},
	{"UpdateFunctionCode", partial, "As CreateFunction. Publish has no effect: there is one version, $LATEST.", route{"PUT", "/2015-03-31/functions/{FunctionName}/code", (*api).updateFunctionCode, onFunction}},
	{"UpdateFunctionConfiguration", partial, "Runtime, Handler, Role, Description, Timeout, MemorySize and Environment.", route{"PUT", "/2015-03-31/functions/{FunctionName}/configuration", (*api).updateFunctionConfiguration, onFunction}},
	{"UpdateFunctionEventInvokeConfig", partial, "As PutFunctionEventInvokeConfig.", route{"POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", (*api).updateFunctionEventInvokeConfig, onEventConfig}},
	{Name: "UpdateFunctionUrlConfig", Status: none, Note: noURLs},
}
