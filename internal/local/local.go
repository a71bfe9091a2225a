// Package local has the account and the region that stand in the ARNs, the events
// and the records of a node: on AWS they tell whose a resource is and where, and
// a node has no such things.
package local

import "github.com/aws/aws-sdk-go-v2/aws/arn"

// Account and Region stand in the ARNs, the events and the records of a node,
// and are what packages take where their options name no others.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// ARN names a resource of a service in an account and a region; resource is the
// part after the account, as in table/users.
func ARN(service, region, account, resource string) string {
	return arn.ARN{Partition: "aws", Service: service, Region: region, AccountID: account, Resource: resource}.String()
}
