package dynamodb

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

// An Operation is one operation of DynamoDB and how much of it is offered.
type Operation struct {
	Name   string
	Status Status
	Note   string // what differs, for users

	run func(*api, context.Context, []byte) ([]byte, error) // nil if not offered
}

// Operations returns all operations of DynamoDB's model in order of their
// names.
func Operations() []Operation { return slices.Clone(operations) }

const (
	notKept  = "SSESpecification, OnDemandThroughput and WarmThroughput are accepted and not kept."
	oneOrder = "Requests of the same items wait for each other, so that none is canceled with TransactionConflict."
)

var operations = []Operation{
	{"BatchExecuteStatement", Full, "", (*api).batchExecuteStatement},
	{"BatchGetItem", Full, "", (*api).batchGetItem},
	{"BatchWriteItem", Full, "All writes are one commit: none is left unprocessed.", (*api).batchWriteItem},
	{"CreateBackup", None, "Use tablecast backup.", nil},
	{"CreateGlobalTable", None, "Global tables are not offered.", nil},
	{"CreateTable", Partial, notKept + " The table is ACTIVE at once.", (*api).createTable},
	{"DeleteBackup", None, "Backups are not offered.", nil},
	{"DeleteItem", Full, "", (*api).deleteItem},
	{"DeleteResourcePolicy", Full, "No table has a policy.", (*api).deleteResourcePolicy},
	{"DeleteTable", Full, "The table is gone when the call returns; its stream stays readable for its retention.", (*api).deleteTable},
	{"DescribeBackup", None, "Backups are not offered.", nil},
	{"DescribeContinuousBackups", Full, "Point-in-time recovery is always DISABLED.", (*api).describeContinuousBackups},
	{"DescribeContributorInsights", None, "Contributor insights are not offered.", nil},
	{"DescribeEndpoints", Full, "Names AWS's endpoint of the region, as AWS does.", (*api).describeEndpoints},
	{"DescribeExport", None, "Exports are not offered.", nil},
	{"DescribeGlobalTable", None, "Global tables are not offered.", nil},
	{"DescribeGlobalTableSettings", None, "Global tables are not offered.", nil},
	{"DescribeImport", None, "Imports are not offered.", nil},
	{"DescribeKinesisStreamingDestination", Full, "No table has a destination.", (*api).describeKinesis},
	{"DescribeLimits", Full, "AWS's default quotas; nothing is throttled by them.", (*api).describeLimits},
	{"DescribeTable", Full, "ItemCount and TableSizeBytes are exact at every moment.", (*api).describeTable},
	{"DescribeTableReplicaAutoScaling", None, "Global tables are not offered.", nil},
	{"DescribeTimeToLive", Full, "", (*api).describeTimeToLive},
	{"DisableKinesisStreamingDestination", None, "Kinesis destinations are not offered.", nil},
	{"EnableKinesisStreamingDestination", None, "Kinesis destinations are not offered.", nil},
	{"ExecuteStatement", Full, "", (*api).executeStatement},
	{"ExecuteTransaction", Full, oneOrder, (*api).executeTransaction},
	{"ExportTableToPointInTime", None, "Use tablecast export.", nil},
	{"GetItem", Full, "Every read is consistent; ConsistentRead counts for capacity alone.", (*api).getItem},
	{"GetResourcePolicy", Full, "No table has a policy.", (*api).getResourcePolicy},
	{"ImportTable", None, "Use tablecast import.", nil},
	{"ListBackups", None, "Backups are not offered.", nil},
	{"ListContributorInsights", None, "Contributor insights are not offered.", nil},
	{"ListExports", None, "Exports are not offered.", nil},
	{"ListGlobalTables", None, "Global tables are not offered.", nil},
	{"ListImports", None, "Imports are not offered.", nil},
	{"ListTables", Full, "", (*api).listTables},
	{"ListTagsOfResource", Full, "Tables have tags.", (*api).listTagsOfResource},
	{"PutItem", Full, "", (*api).putItem},
	{"PutResourcePolicy", None, "Resource policies are not offered.", nil},
	{"Query", Full, "Reads of indexes are as fresh as those of tables.", (*api).query},
	{"RestoreTableFromBackup", None, "Backups are not offered.", nil},
	{"RestoreTableToPointInTime", None, "Point-in-time recovery is not offered.", nil},
	{"Scan", Full, "Segments divide the keys by their first bytes.", (*api).scan},
	{"TagResource", Full, "Tables have tags.", (*api).tagResource},
	{"TransactGetItems", Full, "", (*api).transactGetItems},
	{"TransactWriteItems", Full, oneOrder, (*api).transactWriteItems},
	{"UntagResource", Full, "Tables have tags.", (*api).untagResource},
	{"UpdateContinuousBackups", None, "Point-in-time recovery is not offered.", nil},
	{"UpdateContributorInsights", None, "Contributor insights are not offered.", nil},
	{"UpdateGlobalTable", None, "Global tables are not offered.", nil},
	{"UpdateGlobalTableSettings", None, "Global tables are not offered.", nil},
	{"UpdateItem", Full, "", (*api).updateItem},
	{"UpdateKinesisStreamingDestination", None, "Kinesis destinations are not offered.", nil},
	{"UpdateTable", Partial, notKept + " A new index is filled while writes go on.", (*api).updateTable},
	{"UpdateTableReplicaAutoScaling", None, "Global tables are not offered.", nil},
	{"UpdateTimeToLive", Full, "Items go within about a second of their time, 10 seconds after a start at the earliest. The setting may be changed at any time.", (*api).updateTimeToLive},
}

// bind returns the operation over an api.
func (o Operation) bind(a *api) awsjson.Op {
	if o.run == nil {
		err := awsjson.UnknownOperation(o.Name + " is not offered here. " + o.Note)
		return func(context.Context, []byte) ([]byte, error) { return nil, err }
	}
	return func(ctx context.Context, body []byte) ([]byte, error) { return o.run(a, ctx, body) }
}
