package dynamodb

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Operations returns all operations of DynamoDB's model in order of their names.
func Operations() []awsjson.Operation[awsjson.Method[*api]] { return slices.Clone(operations) }

const (
	full    = awsjson.Full
	partial = awsjson.Partial
	none    = awsjson.None
)

const (
	notKept  = "SSESpecification, OnDemandThroughput and WarmThroughput are accepted and not kept."
	oneOrder = "Requests of the same items wait for each other, so that none is canceled with TransactionConflict."
)

var operations = []awsjson.Operation[awsjson.Method[*api]]{
	{"BatchExecuteStatement", full, "", (*api).batchExecuteStatement},
	{"BatchGetItem", full, "", (*api).batchGetItem},
	{"BatchWriteItem", full, "All writes are one commit: none is left unprocessed.", (*api).batchWriteItem},
	{"CreateBackup", none, "Use tablecast backup.", nil},
	{"CreateGlobalTable", none, "Global tables are not offered.", nil},
	{"CreateTable", partial, notKept + " The table is ACTIVE at once.", (*api).createTable},
	{"DeleteBackup", none, "Backups are not offered.", nil},
	{"DeleteItem", full, "", (*api).deleteItem},
	{"DeleteResourcePolicy", full, "No table has a policy.", (*api).deleteResourcePolicy},
	{"DeleteTable", full, "The table is gone when the call returns; its stream stays readable for its retention.", (*api).deleteTable},
	{"DescribeBackup", none, "Backups are not offered.", nil},
	{"DescribeContinuousBackups", full, "Point-in-time recovery is always DISABLED.", (*api).describeContinuousBackups},
	{"DescribeContributorInsights", none, "Contributor insights are not offered.", nil},
	{"DescribeEndpoints", full, "Names AWS's endpoint of the region, as AWS does.", (*api).describeEndpoints},
	{"DescribeExport", none, "Exports are not offered.", nil},
	{"DescribeGlobalTable", none, "Global tables are not offered.", nil},
	{"DescribeGlobalTableSettings", none, "Global tables are not offered.", nil},
	{"DescribeImport", none, "Imports are not offered.", nil},
	{"DescribeKinesisStreamingDestination", full, "No table has a destination.", (*api).describeKinesis},
	{"DescribeLimits", full, "AWS's default quotas; nothing is throttled by them.", (*api).describeLimits},
	{"DescribeTable", full, "ItemCount and TableSizeBytes are exact at every moment.", (*api).describeTable},
	{"DescribeTableReplicaAutoScaling", none, "Global tables are not offered.", nil},
	{"DescribeTimeToLive", full, "", (*api).describeTimeToLive},
	{"DisableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", nil},
	{"EnableKinesisStreamingDestination", none, "Kinesis destinations are not offered.", nil},
	{"ExecuteStatement", full, "", (*api).executeStatement},
	{"ExecuteTransaction", full, oneOrder, (*api).executeTransaction},
	{"ExportTableToPointInTime", none, "Use tablecast export.", nil},
	{"GetItem", full, "Every read is consistent; ConsistentRead counts for capacity alone.", (*api).getItem},
	{"GetResourcePolicy", full, "No table has a policy.", (*api).getResourcePolicy},
	{"ImportTable", none, "Use tablecast import.", nil},
	{"ListBackups", none, "Backups are not offered.", nil},
	{"ListContributorInsights", none, "Contributor insights are not offered.", nil},
	{"ListExports", none, "Exports are not offered.", nil},
	{"ListGlobalTables", none, "Global tables are not offered.", nil},
	{"ListImports", none, "Imports are not offered.", nil},
	{"ListTables", full, "", (*api).listTables},
	{"ListTagsOfResource", full, "Tables have tags.", (*api).listTagsOfResource},
	{"PutItem", full, "", (*api).putItem},
	{"PutResourcePolicy", none, "Resource policies are not offered.", nil},
	{"Query", full, "Reads of indexes are as fresh as those of tables.", (*api).query},
	{"RestoreTableFromBackup", none, "Backups are not offered.", nil},
	{"RestoreTableToPointInTime", none, "Point-in-time recovery is not offered.", nil},
	{"Scan", full, "Segments divide the keys by their first bytes.", (*api).scan},
	{"TagResource", full, "Tables have tags.", (*api).tagResource},
	{"TransactGetItems", full, "", (*api).transactGetItems},
	{"TransactWriteItems", full, oneOrder, (*api).transactWriteItems},
	{"UntagResource", full, "Tables have tags.", (*api).untagResource},
	{"UpdateContinuousBackups", none, "Point-in-time recovery is not offered.", nil},
	{"UpdateContributorInsights", none, "Contributor insights are not offered.", nil},
	{"UpdateGlobalTable", none, "Global tables are not offered.", nil},
	{"UpdateGlobalTableSettings", none, "Global tables are not offered.", nil},
	{"UpdateItem", full, "", (*api).updateItem},
	{"UpdateKinesisStreamingDestination", none, "Kinesis destinations are not offered.", nil},
	{"UpdateTable", partial, notKept + " A new index is filled while writes go on.", (*api).updateTable},
	{"UpdateTableReplicaAutoScaling", none, "Global tables are not offered.", nil},
	{"UpdateTimeToLive", full, "Items go within about a second of their time, 10 seconds after a start at the earliest. The setting may be changed at any time.", (*api).updateTimeToLive},
}
