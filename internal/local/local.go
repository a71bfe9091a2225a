// Package local has the account and the region that stand in the ARNs, the events
// and the records of a node: on AWS they tell whose a resource is and where.
package local

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Account and Region are those of a node that was given no others, and are what
// packages take where their options name none.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// A Home is the account and the region of a node.
type Home struct{ Account, Region string }

// OrDefault returns the home with Account and Region in the place of what is empty.
func (h Home) OrDefault() Home {
	return Home{cmp.Or(h.Account, Account), cmp.Or(h.Region, Region)}
}

// The forms of account ids and of names of regions.
var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// Check returns what is wrong with a home; what is empty is not.
func (h Home) Check() error {
	switch {
	case h.Account != "" && !accountForm.MatchString(h.Account):
		return fmt.Errorf("account %q: write 12 digits, as 123456789012", h.Account)
	case h.Region != "" && !regionForm.MatchString(h.Region):
		return fmt.Errorf("region %q: write it as eu-west-1", h.Region)
	}
	return nil
}

// ARN names a resource of a service of the node.
func (h Home) ARN(service, resource string) string {
	return ARN(service, h.Region, h.Account, resource)
}

// Owns reports whether an ARN is of the node's account and region.
func (h Home) Owns(id arn.ARN) bool {
	return id.Partition == "aws" && id.AccountID == h.Account && id.Region == h.Region
}

// ARN names a resource of a service in an account and a region; resource is the
// part after the account, as in table/users.
func ARN(service, region, account, resource string) string {
	return arn.ARN{Partition: "aws", Service: service, Region: region, AccountID: account, Resource: resource}.String()
}
