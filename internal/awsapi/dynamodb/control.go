package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

type attributeDefinition struct {
	AttributeName *string
	AttributeType *string
}

type keyElement struct {
	AttributeName *string
	KeyType       *string
}

type streamSpec struct {
	StreamEnabled  *bool
	StreamViewType string `json:",omitzero"`
}

type throughput struct {
	ReadCapacityUnits  int64
	WriteCapacityUnits int64
}

// A tableRequest is CreateTable and UpdateTable.
type tableRequest struct {
	TableName                 *string
	AttributeDefinitions      []attributeDefinition
	KeySchema                 []keyElement
	BillingMode               *string
	ProvisionedThroughput     *throughput
	StreamSpecification       *streamSpec
	DeletionProtectionEnabled *bool
	GlobalSecondaryIndexes    []struct{}
	LocalSecondaryIndexes     []struct{}
	// GlobalSecondaryIndexUpdates and ReplicaUpdates are refused by name.
	GlobalSecondaryIndexUpdates []struct{}
	ReplicaUpdates              []struct{}
}

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

// checkName checks a table name, or takes it out of an ARN.
func checkName(c *check, name *string) string {
	if name == nil {
		c.That(false, "null", "tableName", "not be null")
		return ""
	}
	plain := *name
	if rest, ok := strings.CutPrefix(plain, "arn:aws:dynamodb:"); ok {
		if _, after, ok := strings.Cut(rest, ":table/"); ok {
			plain = after
		}
	}
	c.That(tableName.MatchString(plain), text(name), "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	c.That(len(plain) >= 3, text(name), "tableName", "have length greater than or equal to 3")
	c.That(len(plain) <= 255, text(name), "tableName", "have length less than or equal to 255")
	return plain
}

// A check collects what is wrong with the members of a request.
type check struct{ awsjson.Validator }

// That notes a fault unless ok: the value as it is printed, the member's path,
// and what the member must do.
func (c *check) That(ok bool, value, path, must string, args ...any) {
	if !ok {
		c.Fail(value, path, "Member must "+fmt.Sprintf(must, args...))
	}
}

// text prints a string in a fault.
func text(s *string) string {
	if s == nil {
		return awsjson.Null
	}
	return awsjson.Quote(*s)
}

// fault returns what a check found, as an error.
func fault(c *check) error { return c.Err() }

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
	var c check
	name := checkName(&c, r.TableName)
	c.That(r.KeySchema != nil, "null", "keySchema", "not be null")
	c.That(r.AttributeDefinitions != nil, "null", "attributeDefinitions", "not be null")
	for i, d := range r.AttributeDefinitions {
		ok := d.AttributeType != nil && slices.Contains([]string{"S", "N", "B"}, *d.AttributeType)
		c.That(ok, text(d.AttributeType), fmt.Sprintf("attributeDefinitions.%d.member.attributeType", i+1), "satisfy enum value set: [B, N, S]")
	}
	if r.BillingMode != nil {
		ok := *r.BillingMode == "PAY_PER_REQUEST" || *r.BillingMode == "PROVISIONED"
		c.That(ok, text(r.BillingMode), "billingMode", "satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]")
	}
	if err := fault(&c); err != nil {
		return table.Spec{}, err
	}
	if len(r.GlobalSecondaryIndexes)+len(r.LocalSecondaryIndexes) > 0 {
		return table.Spec{}, invalid("One or more parameter values were invalid: secondary indexes are not offered; see docs/compat.md")
	}
	schema, err := r.schema()
	if err != nil {
		return table.Spec{}, err
	}
	spec := table.Spec{Name: name, Schema: schema, Billing: table.Provisioned, Protected: r.DeletionProtectionEnabled != nil && *r.DeletionProtectionEnabled}
	if r.BillingMode != nil {
		spec.Billing = table.Billing(*r.BillingMode)
	}
	switch {
	case spec.Billing == table.PayPerRequest && r.ProvisionedThroughput != nil:
		return spec, invalid("One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case spec.Billing == table.Provisioned && r.ProvisionedThroughput == nil:
		return spec, invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case r.ProvisionedThroughput != nil:
		spec.Throughput = table.Throughput{Read: r.ProvisionedThroughput.ReadCapacityUnits, Write: r.ProvisionedThroughput.WriteCapacityUnits}
	}
	spec.View, err = r.view()
	return spec, err
}

// view returns the view of the stream that is asked for; empty: none.
func (r *tableRequest) view() (stream.View, error) {
	s := r.StreamSpecification
	if s == nil {
		return "", nil
	}
	if s.StreamEnabled == nil {
		return "", invalid("1 validation error detected: Value null at 'streamSpecification.streamEnabled' failed to satisfy constraint: Member must not be null")
	}
	if !*s.StreamEnabled {
		if s.StreamViewType != "" {
			return "", invalid("One or more parameter values were invalid: Table is being created with a stream disabled, but StreamViewType is set")
		}
		return "", nil
	}
	switch v := stream.View(s.StreamViewType); v {
	case stream.KeysOnly, stream.NewImage, stream.OldImage, stream.NewAndOldImages:
		return v, nil
	case "":
		return "", invalid("One or more parameter values were invalid: StreamViewType must be specified when StreamEnabled is true")
	default:
		return "", invalid("1 validation error detected: Value '" + s.StreamViewType + "' at 'streamSpecification.streamViewType' failed to satisfy constraint: Member must satisfy enum value set: [NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]")
	}
}

func (r *tableRequest) schema() (item.KeySchema, error) {
	var out item.KeySchema
	const inv = "One or more parameter values were invalid: "
	kinds := map[string]item.Kind{}
	for _, d := range r.AttributeDefinitions {
		if d.AttributeName != nil {
			kinds[*d.AttributeName] = item.ParseKind(*d.AttributeType)
		}
	}
	for i, k := range r.KeySchema {
		if k.AttributeName == nil || k.KeyType == nil {
			return out, invalid("1 validation error detected: Value null at 'keySchema." + fmt.Sprint(i+1) + ".member' failed to satisfy constraint: Member must not be null")
		}
		attr := item.KeyAttr{Name: *k.AttributeName, Kind: kinds[*k.AttributeName]}
		switch {
		case attr.Kind == 0:
			return out, invalid(inv + "Some index key attributes are not defined in AttributeDefinitions. Keys: [" + attr.Name + "], AttributeDefinitions: [" + names(r.AttributeDefinitions) + "]")
		case i == 0 && *k.KeyType == "HASH":
			out.Hash = attr
		case i == 1 && *k.KeyType == "RANGE" && attr.Name != out.Hash.Name:
			out.Range = attr
		case i == 0:
			return out, invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
		case i == 1 && *k.KeyType != "RANGE":
			return out, invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
		case i == 1:
			return out, invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
		default:
			return out, invalid("1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2")
		}
	}
	if out.Hash.Name == "" {
		return out, invalid("1 validation error detected: Value '[]' at 'keySchema' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	if len(kinds) != len(out.Attrs()) {
		return out, invalid(inv + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return out, nil
}

func names(defs []attributeDefinition) string {
	var out []string
	for _, d := range defs {
		if d.AttributeName != nil {
			out = append(out, *d.AttributeName)
		}
	}
	return strings.Join(out, ", ")
}

// named decodes a request that names a table and nothing else that counts.
func named(body []byte) (string, error) {
	var r struct{ TableName *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return "", err
	}
	var c check
	name := checkName(&c, r.TableName)
	return name, fault(&c)
}

// tableMissing words that a table does not exist for the control operations.
func tableMissing(err error, name string) error {
	if errors.Is(err, table.ErrNotFound) {
		return &notFound{"Requested resource not found: Table: " + name + " not found"}
	}
	return err
}

func (a *api) describeTable(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body)
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Describe(name)
	if err != nil {
		return nil, tableMissing(err, name)
	}
	return encode("Table", describe(d, "ACTIVE"))
}

func (a *api) deleteTable(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body)
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Drop(name)
	if err != nil {
		return nil, tableMissing(err, name)
	}
	return encode("TableDescription", describe(d, "DELETING"))
}

func (a *api) updateTable(_ context.Context, body []byte) ([]byte, error) {
	var r tableRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	name := checkName(&c, r.TableName)
	if err := fault(&c); err != nil {
		return nil, err
	}
	if len(r.GlobalSecondaryIndexUpdates)+len(r.ReplicaUpdates) > 0 {
		return nil, invalid("One or more parameter values were invalid: secondary indexes and replicas are not offered; see docs/compat.md")
	}
	change := table.Change{Protected: r.DeletionProtectionEnabled}
	if s := r.StreamSpecification; s != nil {
		view, err := r.view()
		if err != nil {
			return nil, err
		}
		change.Stream = &table.StreamChange{Enabled: *s.StreamEnabled, View: view}
	}
	if r.BillingMode != nil {
		change.Billing = (*table.Billing)(r.BillingMode)
	}
	if p := r.ProvisionedThroughput; p != nil {
		change.Throughput = &table.Throughput{Read: p.ReadCapacityUnits, Write: p.WriteCapacityUnits}
	}
	if change == (table.Change{}) {
		return nil, invalid("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	}
	d, err := a.tables.Update(name, change)
	if err != nil {
		return nil, tableMissing(err, name)
	}
	return encode("TableDescription", describe(d, "ACTIVE"))
}

func (a *api) listTables(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ExclusiveStartTableName string
		Limit                   *int
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	limit := 100
	if r.Limit != nil {
		limit = *r.Limit
		var c check
		c.That(limit >= 1, fmt.Sprintf("'%d'", limit), "limit", "have value greater than or equal to 1")
		c.That(limit <= 100, fmt.Sprintf("'%d'", limit), "limit", "have value less than or equal to 100")
		if err := fault(&c); err != nil {
			return nil, err
		}
	}
	found, more := a.tables.List(r.ExclusiveStartTableName, limit)
	var out struct {
		TableNames             []string
		LastEvaluatedTableName string `json:",omitzero"`
	}
	out.TableNames = found
	if more {
		out.LastEvaluatedTableName = found[len(found)-1]
	}
	return json.Marshal(out)
}
