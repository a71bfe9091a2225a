package dynamodb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
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
	TableName                 *string
	AttributeDefinitions      []attributeDefinition
	KeySchema                 []keySchemaElement
	BillingMode               *string
	ProvisionedThroughput     *provisionedThroughput
	StreamSpecification       *streamSpecification
	DeletionProtectionEnabled *bool

	// What is refused if it is given.
	LocalSecondaryIndexes       []struct{}
	GlobalSecondaryIndexes      []struct{}
	GlobalSecondaryIndexUpdates []struct{}
	ReplicaUpdates              []struct{}
	GlobalTableWitnessUpdates   []struct{}
	MultiRegionConsistency      *string
	ResourcePolicy              *string
}

// refused names a parameter that is not offered.
func (r *tableRequest) refused() error {
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"LocalSecondaryIndexes", len(r.LocalSecondaryIndexes) > 0},
		{"GlobalSecondaryIndexes", len(r.GlobalSecondaryIndexes) > 0},
		{"GlobalSecondaryIndexUpdates", len(r.GlobalSecondaryIndexUpdates) > 0},
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

// throughput checks the capacity units against the model.
func (r *tableRequest) throughput(v *awsjson.Validator) {
	p := r.ProvisionedThroughput
	if p == nil {
		return
	}
	v.Required(p.WriteCapacityUnits != nil, "provisionedThroughput.writeCapacityUnits")
	awsjson.Range(v, p.WriteCapacityUnits, "provisionedThroughput.writeCapacityUnits", 1, 0)
	v.Required(p.ReadCapacityUnits != nil, "provisionedThroughput.readCapacityUnits")
	awsjson.Range(v, p.ReadCapacityUnits, "provisionedThroughput.readCapacityUnits", 1, 0)
}

// maxUnits is the most capacity units that may be provisioned.
const maxUnits = 1_000_000_000_000

// units returns the checked capacity units.
func (r *tableRequest) units() (table.Throughput, error) {
	p := r.ProvisionedThroughput
	if p == nil {
		return table.Throughput{}, nil
	}
	if *p.ReadCapacityUnits > maxUnits {
		return table.Throughput{}, awsjson.Validation(fmt.Sprintf("Given value %d for ReadCapacityUnits is out of bounds", *p.ReadCapacityUnits))
	}
	if *p.WriteCapacityUnits > maxUnits {
		return table.Throughput{}, awsjson.Validation(fmt.Sprintf("Given value %d for WriteCapacityUnits is out of bounds", *p.WriteCapacityUnits))
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

// view returns the view of the stream that is asked for; empty is none.
func (r *tableRequest) view() (stream.View, error) {
	s := r.StreamSpecification
	switch {
	case s == nil, !*s.StreamEnabled && s.StreamViewType == nil:
		return "", nil
	case !*s.StreamEnabled:
		return "", awsjson.Validation(invalidOnes + "StreamViewType must not be specified when StreamEnabled is false")
	case s.StreamViewType == nil:
		return "", awsjson.Validation(invalidOnes + "StreamViewType must be specified when StreamEnabled is true")
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
	return encode("TableDescription", describe(d, "ACTIVE"))
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
	if spec.Throughput, err = r.units(); err != nil {
		return spec, err
	}
	if err := r.refused(); err != nil {
		return spec, err
	}
	if spec.Schema, err = r.schema(); err != nil {
		return spec, err
	}
	spec.View, err = r.view()
	return spec, err
}

var errPayPerRequest = awsjson.Validation(invalidOnes + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")

// createConstraints checks CreateTable against the model and returns the name.
func (r *tableRequest) createConstraints() (string, error) {
	var v awsjson.Validator
	v.Text(r.BillingMode, "billingMode", billingModes)
	v.Required(r.AttributeDefinitions != nil, "attributeDefinitions")
	for i, d := range r.AttributeDefinitions {
		at := fmt.Sprintf("attributeDefinitions.%d.member.", i+1)
		v.Required(d.AttributeName != nil, at+"attributeName")
		v.RequiredText(d.AttributeType, at+"attributeType", attributeTypes)
	}
	name, err := controlTable(r.TableName, &v)
	if err != nil {
		return "", err
	}
	r.throughput(&v)
	v.Required(r.KeySchema != nil, "keySchema")
	if r.KeySchema != nil {
		v.Length(len(r.KeySchema), r.shownKeys(), "keySchema", 1, 2)
	}
	for i, k := range r.KeySchema {
		at := fmt.Sprintf("keySchema.%d.member.", i+1)
		v.Required(k.AttributeName != nil, at+"attributeName")
		v.RequiredText(k.KeyType, at+"keyType", keyTypes)
	}
	r.streamConstraints(&v)
	return name, v.Err()
}

// shownKeys prints the key schema for an error.
func (r *tableRequest) shownKeys() string {
	parts := make([]string, len(r.KeySchema))
	for i, k := range r.KeySchema {
		parts[i] = "KeySchemaElement(attributeName=" + orNull(k.AttributeName) + ", keyType=" + orNull(k.KeyType) + ")"
	}
	return awsjson.Quote("[" + strings.Join(parts, ", ") + "]")
}

func orNull(s *string) string {
	if s == nil {
		return awsjson.Null
	}
	return *s
}

// schema returns the key schema with the kinds of its attributes.
func (r *tableRequest) schema() (item.KeySchema, error) {
	kinds := map[string]item.Kind{}
	var defined []string
	for _, d := range r.AttributeDefinitions {
		kinds[*d.AttributeName] = item.ParseKind(*d.AttributeType)
		defined = append(defined, *d.AttributeName)
	}
	attrs := make([]item.KeyAttr, len(r.KeySchema))
	for i, k := range r.KeySchema {
		attrs[i] = item.KeyAttr{Name: *k.AttributeName, Kind: kinds[*k.AttributeName]}
	}
	undefined := slices.ContainsFunc(attrs, func(a item.KeyAttr) bool { return a.Kind == 0 })
	two := len(attrs) == 2
	switch {
	case undefined && two:
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: Some index key attribute have no definition")
	case undefined:
		return item.KeySchema{}, awsjson.Validation(invalidOnes + "Some index key attributes are not defined in AttributeDefinitions. Keys: [" +
			attrs[0].Name + "], AttributeDefinitions: [" + strings.Join(defined, ", ") + "]")
	case two && attrs[0].Name == attrs[1].Name:
		return item.KeySchema{}, awsjson.Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case *r.KeySchema[0].KeyType != "HASH":
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case two && *r.KeySchema[1].KeyType != "RANGE":
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	case len(defined) != len(attrs):
		return item.KeySchema{}, awsjson.Validation(invalidOnes + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	case two:
		return item.KeySchema{Hash: attrs[0], Range: attrs[1]}, nil
	default:
		return item.KeySchema{Hash: attrs[0]}, nil
	}
}
