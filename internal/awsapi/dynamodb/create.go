package dynamodb

import (
	"context"
	"fmt"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// The shapes of CreateTable and UpdateTable, by the names of the model.
type (
	attributeDefinition struct{ AttributeName, AttributeType *string }

	keySchemaElement struct{ AttributeName, KeyType *string }

	provisionedThroughput struct{ ReadCapacityUnits, WriteCapacityUnits *int64 }

	streamSpecification struct {
		StreamEnabled  *bool
		StreamViewType *string
	}
)

// A tableRequest is CreateTable and UpdateTable; each has the members that
// belong to it.
type tableRequest struct {
	TableName                   *string
	AttributeDefinitions        []attributeDefinition
	KeySchema                   []keySchemaElement
	BillingMode                 *string
	ProvisionedThroughput       *provisionedThroughput
	StreamSpecification         *streamSpecification
	DeletionProtectionEnabled   *bool
	LocalSecondaryIndexes       []indexRequest `model:"LocalSecondaryIndex"`
	GlobalSecondaryIndexes      []indexRequest `model:"GlobalSecondaryIndex"`
	GlobalSecondaryIndexUpdates []indexUpdate  `model:"GlobalSecondaryIndexUpdate"`
	TableClass                  *string
	Tags                        []tag

	// What is accepted and not kept.
	SSESpecification, OnDemandThroughput, WarmThroughput *struct{}

	// What is refused if it is given.
	ReplicaUpdates            []struct{} `model:"ReplicationGroupUpdate"`
	GlobalTableWitnessUpdates []struct{} `model:"GlobalTableWitnessGroupUpdate"`
	MultiRegionConsistency    *string
	ResourcePolicy            *string
}

// refused returns the error of a parameter that is not offered.
func (r *tableRequest) refused() error {
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"ReplicaUpdates", len(r.ReplicaUpdates) > 0},
		{"GlobalTableWitnessUpdates", len(r.GlobalTableWitnessUpdates) > 0},
		{"MultiRegionConsistency", r.MultiRegionConsistency != nil},
		{"ResourcePolicy", r.ResourcePolicy != nil},
	} {
		if p.given {
			return awsjson.Validation(invalidOnes + p.name + " is not offered here; see docs/compat.md")
		}
	}
	return nil
}

// constraints checks the capacity units against the model.
func (p *provisionedThroughput) constraints(v *awsjson.Validator, path string) {
	if p == nil {
		return
	}
	v.Required(p.WriteCapacityUnits != nil, path+".writeCapacityUnits")
	awsjson.Range(v, p.WriteCapacityUnits, path+".writeCapacityUnits", 1, 0)
	v.Required(p.ReadCapacityUnits != nil, path+".readCapacityUnits")
	awsjson.Range(v, p.ReadCapacityUnits, path+".readCapacityUnits", 1, 0)
}

// maxUnits is the most capacity units that may be provisioned.
const maxUnits = 1_000_000_000_000

// units returns the capacity units. An error ends with the text of, which says
// whose they are.
func (p *provisionedThroughput) units(of string) (table.Throughput, error) {
	if p == nil {
		return table.Throughput{}, nil
	}
	if *p.ReadCapacityUnits > maxUnits {
		return table.Throughput{}, awsjson.Validation(fmt.Sprintf("Given value %d for ReadCapacityUnits is out of bounds%s", *p.ReadCapacityUnits, of))
	}
	if *p.WriteCapacityUnits > maxUnits {
		return table.Throughput{}, awsjson.Validation(fmt.Sprintf("Given value %d for WriteCapacityUnits is out of bounds%s", *p.WriteCapacityUnits, of))
	}
	return table.Throughput{Read: *p.ReadCapacityUnits, Write: *p.WriteCapacityUnits}, nil
}

// streamConstraints checks the stream against the model.
func (r *tableRequest) streamConstraints(v *awsjson.Validator) {
	if s := r.StreamSpecification; s != nil {
		v.Required(s.StreamEnabled != nil, "streamSpecification.streamEnabled")
		v.Text(s.StreamViewType, "streamSpecification.streamViewType", viewTypes)
	}
}

// streamTexts are the errors of a stream without a view, and of a view without a
// stream, as an operation words them.
type streamTexts struct{ absent, unwanted string }

var (
	streamOfCreate = streamTexts{
		"Table is being created with a stream enabled, UpdateViewType is required",
		"Table is being created with a stream disabled, UpdateViewType should not be specified",
	}
	streamOfUpdate = streamTexts{
		"If stream is being enabled then UpdateViewType is required",
		"If stream is being disabled, then UpdateViewType must not be specified",
	}
)

// view returns the view of the stream that is asked for; empty is none.
func (s *streamSpecification) view(texts streamTexts) (stream.View, error) {
	switch {
	case s == nil, !*s.StreamEnabled && s.StreamViewType == nil:
		return "", nil
	case !*s.StreamEnabled:
		return "", awsjson.Validation(invalidOnes + texts.unwanted)
	case s.StreamViewType == nil:
		return "", awsjson.Validation(invalidOnes + texts.absent)
	default:
		return stream.View(*s.StreamViewType), nil
	}
}

func (a *api) createTable(_ context.Context, body []byte) ([]byte, error) {
	var r tableRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	spec, err := r.spec()
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Create(spec)
	if err != nil {
		return nil, err
	}
	return encode("TableDescription", describeCreated(d))
}

// spec checks a CreateTable request.
func (r *tableRequest) spec() (table.Spec, error) {
	name, err := r.createConstraints()
	if err != nil {
		return table.Spec{}, err
	}
	spec := table.Spec{Name: name, Billing: table.Provisioned}
	if r.BillingMode != nil {
		spec.Billing = table.Billing(*r.BillingMode)
	}
	if r.DeletionProtectionEnabled != nil {
		spec.Protected = *r.DeletionProtectionEnabled
	}
	switch {
	case spec.Billing == table.PayPerRequest && r.ProvisionedThroughput != nil:
		return spec, errPayPerRequest
	case spec.Billing == table.Provisioned && r.ProvisionedThroughput == nil:
		return spec, awsjson.Validation(invalidOnes + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	if spec.Throughput, err = r.ProvisionedThroughput.units(""); err != nil {
		return spec, err
	}
	if err := r.refused(); err != nil {
		return spec, err
	}
	if spec.Schema, spec.Indexes, err = r.schemas(spec.Billing); err != nil {
		return spec, err
	}
	if spec.View, err = r.StreamSpecification.view(streamOfCreate); err != nil {
		return spec, err
	}
	if r.TableClass != nil {
		spec.Class = *r.TableClass
	}
	spec.Tags, err = tagMap(r.Tags)
	return spec, err
}

var errPayPerRequest = awsjson.Validation(invalidOnes + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")

// createConstraints checks CreateTable against the model and returns the name.
func (r *tableRequest) createConstraints() (string, error) {
	var v awsjson.Validator
	v.Text(r.BillingMode, "billingMode", billingModes)
	v.Required(r.AttributeDefinitions != nil, "attributeDefinitions")
	r.defined(&v)
	name, err := newTable(r.TableName, &v)
	if err != nil {
		return "", err
	}
	v.Text(r.TableClass, "tableClass", tableClasses)
	r.ProvisionedThroughput.constraints(&v, "provisionedThroughput")
	keyConstraints(&v, r.KeySchema, "keySchema", 2)
	for i := range r.GlobalSecondaryIndexes {
		r.GlobalSecondaryIndexes[i].constraints(&v, fmt.Sprintf("globalSecondaryIndexes.%d.member", i+1), 0)
	}
	for i := range r.LocalSecondaryIndexes {
		r.LocalSecondaryIndexes[i].constraints(&v, fmt.Sprintf("localSecondaryIndexes.%d.member", i+1), 2)
	}
	r.streamConstraints(&v)
	return name, v.Err()
}

// defined checks the attribute definitions against the model.
func (r *tableRequest) defined(v *awsjson.Validator) {
	for i, d := range r.AttributeDefinitions {
		at := fmt.Sprintf("attributeDefinitions.%d.member.", i+1)
		v.RequiredText(d.AttributeName, at+"attributeName", attributeText)
		v.RequiredText(d.AttributeType, at+"attributeType", attributeTypes)
	}
}

func orNull(s *string) string {
	if s == nil {
		return awsjson.Null
	}
	return *s
}
