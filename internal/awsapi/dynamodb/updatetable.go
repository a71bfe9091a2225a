package dynamodb

import (
	"context"
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

func (a *api) updateTable(_ context.Context, body []byte) ([]byte, error) {
	var r tableRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	name, change, err := r.change(a)
	if err != nil {
		return nil, err
	}
	before, err := a.tables.Describe(name)
	if err != nil {
		return nil, missing(err, name)
	}
	mode, err := r.billing(before, change)
	if err != nil {
		return nil, err
	}
	if change.Indexes, err = r.indexChanges(before, mode); err != nil {
		return nil, err
	}
	d, err := a.tables.Update(name, change)
	if err != nil {
		return nil, missing(err, name)
	}
	out := describe(d, "UPDATING")
	for _, c := range change.Indexes {
		out.leaving(before, c.Delete)
	}
	return encode("TableDescription", out)
}

// updateConstraints checks UpdateTable against the model and returns the name.
func (r *tableRequest) updateConstraints(a *api) (string, error) {
	var v awsjson.Validator
	v.Text(r.BillingMode, "billingMode", billingModes)
	v.Text(r.TableClass, "tableClass", tableClasses)
	name, err := a.controlTable(r.TableName, &v)
	if err != nil {
		return "", err
	}
	r.defined(&v)
	r.ProvisionedThroughput.constraints(&v, "provisionedThroughput")
	r.streamConstraints(&v)
	for i, u := range r.GlobalSecondaryIndexUpdates {
		u.constraints(&v, fmt.Sprintf("globalSecondaryIndexUpdates.%d.member.", i+1))
	}
	return name, v.Err()
}

// change checks what an UpdateTable request says by itself, and returns the changes
// of the table, without those of its indexes.
func (r *tableRequest) change(a *api) (name string, c table.Change, err error) {
	if name, err = r.updateConstraints(a); err != nil {
		return "", c, err
	}
	if err := r.refused(); err != nil {
		return "", c, err
	}
	c.Protected, c.Class = r.DeletionProtectionEnabled, r.TableClass
	c.Billing = (*table.Billing)(r.BillingMode)
	err = first(
		r.combination,
		func() error { return checkActions(r.GlobalSecondaryIndexUpdates) },
		func() error {
			if r.ProvisionedThroughput == nil {
				return nil
			}
			units, err := r.ProvisionedThroughput.units("")
			c.Throughput = &units
			return err
		},
		func() error {
			if r.StreamSpecification == nil {
				return nil
			}
			view, err := r.StreamSpecification.view(streamOfUpdate)
			c.Stream = &table.StreamChange{Enabled: *r.StreamSpecification.StreamEnabled, View: view}
			return err
		},
	)
	return name, c, err
}

// nothingToChange is the error of an UpdateTable that has no member of those that
// it names. A few of them are in no model of the service.
const nothingToChange = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, " +
	"MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"

// combination refuses an UpdateTable that changes nothing, or things that may not
// change together.
func (r *tableRequest) combination() error {
	stream, units, indexes := r.StreamSpecification != nil, r.ProvisionedThroughput != nil, len(r.GlobalSecondaryIndexUpdates) > 0
	n := 0
	for _, given := range []bool{
		units, r.BillingMode != nil, stream, indexes, r.DeletionProtectionEnabled != nil, r.TableClass != nil,
		r.SSESpecification != nil, r.OnDemandThroughput != nil, r.WarmThroughput != nil,
	} {
		if given {
			n++
		}
	}
	provisioned := units || r.BillingMode != nil && *r.BillingMode == string(table.Provisioned)
	switch online := online(r.GlobalSecondaryIndexUpdates) > 0; {
	case n == 0:
		return awsjson.Validation(nothingToChange)
	case r.SSESpecification != nil && n > 1:
		return errAlone("Server-Side Encryption modification")
	case r.TableClass != nil && n > 1:
		return errAlone("TableClass modification")
	case r.DeletionProtectionEnabled != nil && n > 1:
		return errAlone("DeletionProtection modification")
	case r.WarmThroughput != nil && n > 1:
		return errAlone("WarmThroughput")
	case r.OnDemandThroughput != nil && n > 1 && (n > 2 || r.BillingMode == nil):
		return awsjson.Validation(invalidOnes + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request")
	case stream && provisioned:
		return awsjson.Validation(invalidOnes + "You cannot modify stream status while updating table IOPS")
	case online && units && r.BillingMode == nil:
		return awsjson.Validation(invalidOnes + "You cannot create or delete index while updating table IOPS")
	case online && stream:
		return awsjson.Validation(invalidOnes + "You cannot create or delete index while changing stream status")
	default:
		return nil
	}
}

func errAlone(what string) error {
	return awsjson.Validation(invalidOnes + what + " must be the only operation in the request")
}

// billing checks a change of the billing mode and the throughput against what
// the table has, and returns the mode that it will have.
func (r *tableRequest) billing(before table.Description, c table.Change) (table.Billing, error) {
	mode := before.Billing
	if c.Billing != nil {
		mode = *c.Billing
	}
	switch {
	case mode == table.PayPerRequest && c.Throughput != nil:
		return mode, errPayPerRequest
	case c.Billing != nil && mode == table.Provisioned && c.Throughput == nil:
		return mode, awsjson.Validation(invalidOnes + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
	case c.Throughput != nil && before.Billing == mode && *c.Throughput == before.Throughput:
		return mode, errUnchanged("the table", "the table", *c.Throughput)
	case mode == table.Provisioned && before.Billing != mode:
		return mode, r.allProvisioned(before)
	default:
		return mode, nil
	}
}

// allProvisioned refuses a change to provisioned throughput that gives none to one
// of the indexes that stay.
func (r *tableRequest) allProvisioned(before table.Description) error {
	for _, x := range before.Indexes {
		if x.Local {
			continue
		}
		given := func(u indexUpdate) bool {
			return u.name() == x.Name && (u.Delete != nil || u.Update != nil && u.Update.ProvisionedThroughput != nil)
		}
		if !slices.ContainsFunc(r.GlobalSecondaryIndexUpdates, given) {
			return awsjson.Validation(invalidOnes + "ProvisionedThroughput must be specified for index: " + x.Name)
		}
	}
	return nil
}

// errUnchanged returns the error of a throughput that the table or the index has
// already. Of an index, the text names it in two ways.
func errUnchanged(what, of string, t table.Throughput) error {
	return awsjson.Validation(fmt.Sprintf("The provisioned throughput for %[1]s will not change. The requested value equals the current value. "+
		"Current ReadCapacityUnits provisioned for %[2]s: %[3]d. Requested ReadCapacityUnits: %[3]d. "+
		"Current WriteCapacityUnits provisioned for %[2]s: %[4]d. Requested WriteCapacityUnits: %[4]d. "+
		"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.", what, of, t.Read, t.Write))
}
