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

const (
	notKept  = "SSESpecification, OnDemandThroughput and WarmThroughput are accepted and not kept."
	oneOrder = "Requests of the same items wait for each other, so that none is canceled with TransactionConflict."
)

var operations = []awsjson.Operation[call]{
	{"BatchExecuteStatement", full, "", call{(*api).batchExecuteStatement, onStatements}},
	{"BatchGetItem", full, "", call{(*api).batchGetItem, onBatch}},
	{"BatchWriteItem", full, "All writes are one commit: none is left unprocessed.", call{(*api).batchWriteItem, onBatch}},
	{"CreateBackup", none, "Use tablecast backup.", call{}},
	{"CreateGlobalTable", none, "Global tables are not offered.", call{}},
	{"CreateTable", partial, notKept + " The table is ACTIVE at once.", call{(*api).createTable, onTable}},
	{"DeleteBackup", none, "Backups are not offered.", call{}},
	{"DeleteItem", full, "", call{(*api).deleteItem, onTable}},
	{"DeleteResourcePolicy", full, "No table has a policy.", call{(*api).deleteResourcePolicy, onResource}},
	{"DeleteTable", full, "The table is gone when the call returns; its stream stays readable for its retention.", call{(*api).deleteTable, onTable}},
	{"DescribeBackup", none, "Backups are not offered.", call{}},
	{"DescribeContinuousBackups", full, "Point-in-time recovery is always DISABLED.", call{(*api).describeContinuousBackups, onTable}},
	{"DescribeContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"DescribeEndpoints", full, "Names AWS's endpoint of the region, as AWS does.", call{(*api).describeEndpoints, onAll}},
	{"DescribeExport", none, "Exports are not offered.", call{}},
	{"DescribeGlobalTable", none, "Global tables are not offered.", call{}},
	{"DescribeGlobalTableSettings", none, "Global tables are not offered.", call{}},
	{"DescribeImport", none, "Imports are not offered.", call{}},
	{"DescribeKinesisStreamingDestination", full, "No table has a destination.", call{(*api).describeKinesis, onTable}},
	{"DescribeLimits", full, "AWS's default quotas; nothing is throttled by them.", call{(*api).describeLimits, onAll}},
	{"DescribeTable", full, "ItemCount and TableSizeBytes are exact at every moment.", call{(*api).describeTable, onTable}},
	{"DescribeTableReplicaAutoScaling", none, "Global tables are not offered.", call{}},
	{"DescribeTimeToLive", full, "", call{(*api).describeTimeToLive, onTable}},
	{"DisableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"EnableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"ExecuteStatement", full, "", call{(*api).executeStatement, onStatement}},
	{"ExecuteTransaction", full, oneOrder, call{(*api).executeTransaction, onTransactStatements}},
	{"ExportTableToPointInTime", none, "Use tablecast export.", call{}},
	{"GetItem", full, "Every read is consistent; ConsistentRead counts for capacity alone.", call{(*api).getItem, onTable}},
	{"GetResourcePolicy", full, "No table has a policy.", call{(*api).getResourcePolicy, onResource}},
	{"ImportTable", none, "Use tablecast import.", call{}},
	{"ListBackups", none, "Backups are not offered.", call{}},
	{"ListContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"ListExports", none, "Exports are not offered.", call{}},
	{"ListGlobalTables", none, "Global tables are not offered.", call{}},
	{"ListImports", none, "Imports are not offered.", call{}},
	{"ListTables", full, "", call{(*api).listTables, onAll}},
	{"ListTagsOfResource", full, "Tables have tags.", call{(*api).listTagsOfResource, onResource}},
	{"PutItem", full, "", call{(*api).putItem, onTable}},
	{"PutResourcePolicy", none, "Resource policies are not offered.", call{}},
	{"Query", full, "Reads of indexes are as fresh as those of tables.", call{(*api).query, onIndex}},
	{"RestoreTableFromBackup", none, "Backups are not offered.", call{}},
	{"RestoreTableToPointInTime", none, "Point-in-time recovery is not offered.", call{}},
	{"Scan", full, "Segments divide the keys by a hash of the whole key. Reading one passes over the keys of the others, so more segments than processors cost time.", call{(*api).scan, onIndex}},
	{"TagResource", full, "Tables have tags.", call{(*api).tagResource, onResource}},
	{"TransactGetItems", full, "", call{(*api).transactGetItems, onTransactGet}},
	{"TransactWriteItems", full, oneOrder, call{(*api).transactWriteItems, onTransactWrite}},
	{"UntagResource", full, "Tables have tags.", call{(*api).untagResource, onResource}},
	{"UpdateContinuousBackups", none, "Point-in-time recovery is not offered.", call{}},
	{"UpdateContributorInsights", none, "Contributor insights are not offered.", call{}},
	{"UpdateGlobalTable", none, "Global tables are not offered.", call{}},
	{"UpdateGlobalTableSettings", none, "Global tables are not offered.", call{}},
	{"UpdateItem", full, "", call{(*api).updateItem, onTable}},
	{"UpdateKinesisStreamingDestination", none, "Kinesis destinations are not offered.", call{}},
	{"UpdateTable", partial, notKept + " A new index is filled while writes go on.", call{(*api).updateTable, onTable}},
	{"UpdateTableReplicaAutoScaling", none, "Global tables are not offered.", call{}},
	{"UpdateTimeToLive", full, "Items go within about a second of their time, 10 seconds after a start at the earliest. The setting may be changed at any time.", call{(*api).updateTimeToLive, onTable}},
}
