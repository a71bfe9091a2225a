package dynamodb

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Operations returns all operations of DynamoDB's model in order of their names.
func Operations() []awsjson.Operation[call] { return slices.Clone(operations) }

type call = awsjson.Method[*api]

const (
	full    = awsjson.Full
	partial = awsjson.Partial
	none    = awsjson.None
)

// Texts of what differs in several operations.
const (
	notKept    = "SSESpecification, OnDemandThroughput and WarmThroughput are accepted and not kept."
	consistent = "Every read is consistent; ConsistentRead counts for capacity alone."
	waits      = "A write of an item that a transaction is writing waits for it; AWS refuses it with TransactionConflictException."
	oneOrder   = "Requests of the same items wait for each other, so that none is canceled with TransactionConflict."
	retries    = "A retry with the ClientRequestToken of a request that still runs waits for it; AWS answers TransactionInProgressException."
	noPolicies = "No table has a policy."
	tagsNow    = "Tags change at once; on AWS a list may still have the old ones."
)

var operations = []awsjson.Operation[call]{
	{"BatchExecuteStatement", partial, consistent + " " + waits, call{(*api).batchExecuteStatement, onStatements}},
	{"BatchGetItem", partial, consistent, call{(*api).batchGetItem, onBatch}},
	{"BatchWriteItem", partial, "All writes are one commit: none is left unprocessed.", call{(*api).batchWriteItem, onBatch}},
	{"CreateBackup", none, "Use tablecast backup.", call{}},
	{"CreateGlobalTable", none, "Global tables are not offered.", call{}},
	{"CreateTable", partial, notKept + " ResourcePolicy is refused. The table and its indexes are ACTIVE at once.", call{(*api).createTable, onTable}},
	{"DeleteBackup", none, "Backups are not offered.", call{}},
	{"DeleteItem", partial, waits, call{(*api).deleteItem, onTable}},
	{"DeleteResourcePolicy", partial, noPolicies, call{(*api).deleteResourcePolicy, onResource}},
	{"DeleteTable", partial, "The table is gone when the call returns, also while an index is being created, when AWS refuses with ResourceInUseException. Its stream stays readable for its retention.", call{(*api).deleteTable, onTable}},
	{"DescribeBackup", none, "Backups are not offered.", call{}},
	{"DescribeContinuousBackups", partial, "Point-in-time recovery is always DISABLED.", call{(*api).describeContinuousBackups, onTable}},
	{"DescribeContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"DescribeEndpoints", full, "", call{(*api).describeEndpoints, onAll}},
	{"DescribeExport", none, "Exports are not offered.", call{}},
	{"DescribeGlobalTable", none, "Global tables are not offered.", call{}},
	{"DescribeGlobalTableSettings", none, "Global tables are not offered.", call{}},
	{"DescribeImport", none, "Imports are not offered.", call{}},
	{"DescribeKinesisStreamingDestination", partial, "No table has a destination.", call{(*api).describeKinesis, onTable}},
	{"DescribeLimits", partial, "The answer has AWS's default quotas, which bound nothing here.", call{(*api).describeLimits, onAll}},
	{"DescribeTable", partial, "Items and bytes of tables and indexes are exact at every moment; AWS counts them about every six hours. SSEDescription, OnDemandThroughput and WarmThroughput are absent.", call{(*api).describeTable, onTable}},
	{"DescribeTableReplicaAutoScaling", none, "Global tables are not offered.", call{}},
	{"DescribeTimeToLive", partial, "A table is ENABLING until its items have been looked at, and never DISABLING.", call{(*api).describeTimeToLive, onTable}},
	{"DisableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"EnableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"ExecuteStatement", partial, consistent + " " + waits, call{(*api).executeStatement, onStatement}},
	{"ExecuteTransaction", partial, oneOrder + " " + retries, call{(*api).executeTransaction, onTransactStatements}},
	{"ExportTableToPointInTime", none, "Use tablecast export.", call{}},
	{"GetItem", partial, consistent, call{(*api).getItem, onTable}},
	{"GetResourcePolicy", partial, noPolicies, call{(*api).getResourcePolicy, onResource}},
	{"ImportTable", none, "Use tablecast import.", call{}},
	{"ListBackups", none, "Backups are not offered.", call{}},
	{"ListContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"ListExports", none, "Exports are not offered.", call{}},
	{"ListGlobalTables", none, "Global tables are not offered.", call{}},
	{"ListImports", none, "Imports are not offered.", call{}},
	{"ListTables", full, "", call{(*api).listTables, onAll}},
	{"ListTagsOfResource", partial, tagsNow, call{(*api).listTagsOfResource, onResource}},
	{"PutItem", partial, waits, call{(*api).putItem, onTable}},
	{"PutResourcePolicy", none, "Resource policies are not offered.", call{}},
	{"Query", partial, consistent + " Indexes are as fresh as tables.", call{(*api).query, onIndex}},
	{"RestoreTableFromBackup", none, "Backups are not offered.", call{}},
	{"RestoreTableToPointInTime", none, "Point-in-time recovery is not offered.", call{}},
	{"Scan", partial, consistent + " Indexes are as fresh as tables. Segments divide the keys by a hash of the whole key. Reading one passes over the keys of the others, so more segments than processors cost time.", call{(*api).scan, onIndex}},
	{"TagResource", partial, tagsNow, call{(*api).tagResource, onResource}},
	{"TransactGetItems", partial, "The items are read as of one moment, whatever writes them meanwhile: none is canceled with TransactionConflict.", call{(*api).transactGetItems, onTransactGet}},
	{"TransactWriteItems", partial, oneOrder + " " + retries, call{(*api).transactWriteItems, onTransactWrite}},
	{"UntagResource", partial, tagsNow, call{(*api).untagResource, onResource}},
	{"UpdateContinuousBackups", none, "Point-in-time recovery is not offered.", call{}},
	{"UpdateContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"UpdateGlobalTable", none, "Global tables are not offered.", call{}},
	{"UpdateGlobalTableSettings", none, "Global tables are not offered.", call{}},
	{"UpdateItem", partial, waits, call{(*api).updateItem, onTable}},
	{"UpdateKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"UpdateTable", partial, notKept + " ReplicaUpdates, GlobalTableWitnessUpdates and MultiRegionConsistency are refused. All but a new index is in force when the call returns, and the answer tells the new throughput; AWS's tells the old one until the table is ACTIVE. Throughput may be decreased any number of times a day. A deleted index is gone at once.", call{(*api).updateTable, onTable}},
	{"UpdateTableReplicaAutoScaling", none, "Global tables are not offered.", call{}},
	{"UpdateTimeToLive", partial, "Items go within about a second of their time, 10 seconds after a start at the earliest; on AWS within a few days. The setting may be changed at any time; on AWS once an hour.", call{(*api).updateTimeToLive, onTable}},
}
