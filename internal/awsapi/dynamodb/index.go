package dynamodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// The shapes of secondary indexes, by the names of the model.
type (
	projectionRequest struct {
		ProjectionType   *string
		NonKeyAttributes []string
	}

	indexRequest struct {
		IndexName             *string
		KeySchema             []keySchemaElement
		Projection            *projectionRequest
		ProvisionedThroughput *provisionedThroughput
	}

	// An indexUpdate has one of its members.
	indexUpdate struct {
		Create *indexRequest
		Update *struct {
			IndexName             *string
			ProvisionedThroughput *provisionedThroughput
		}
		Delete *struct{ IndexName *string }
	}
)

// constraints checks an index against the model.
func (x *indexRequest) constraints(v *awsjson.Validator, path string) {
	v.RequiredText(x.IndexName, path+".indexName", nameText)
	keyConstraints(v, x.KeySchema, path+".keySchema")
	v.Required(x.Projection != nil, path+".projection")
	if p := x.Projection; p != nil {
		v.Text(p.ProjectionType, path+".projection.projectionType", projectionTypes)
		if p.NonKeyAttributes != nil {
			v.Length(len(p.NonKeyAttributes), awsjson.Quote("["+strings.Join(p.NonKeyAttributes, ", ")+"]"), path+".projection.nonKeyAttributes", 1, 20)
		}
	}
	x.ProvisionedThroughput.constraints(v, path+".provisionedThroughput")
}

// keyConstraints checks a key schema against the model.
func keyConstraints(v *awsjson.Validator, keys []keySchemaElement, path string) {
	v.Required(keys != nil, path)
	if keys != nil {
		v.Length(len(keys), shownKeys(keys), path, 1, 2)
	}
	for i, k := range keys {
		at := fmt.Sprintf("%s.%d.member.", path, i+1)
		v.Required(k.AttributeName != nil, at+"attributeName")
		v.RequiredText(k.KeyType, at+"keyType", keyTypes)
	}
}

// shownKeys prints a key schema for an error.
func shownKeys(keys []keySchemaElement) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = "KeySchemaElement(attributeName=" + orNull(k.AttributeName) + ", keyType=" + orNull(k.KeyType) + ")"
	}
	return awsjson.Quote("[" + strings.Join(parts, ", ") + "]")
}

// definitions are the AttributeDefinitions of a request, and which of them its
// key schemas use.
type definitions struct {
	names []string // in the order of the request
	kinds map[string]item.Kind
	used  []string
}

func (r *tableRequest) definitions() *definitions {
	d := &definitions{kinds: map[string]item.Kind{}}
	for _, a := range r.AttributeDefinitions {
		d.kinds[*a.AttributeName] = item.ParseKind(*a.AttributeType)
		d.names = append(d.names, *a.AttributeName)
	}
	return d
}

// schema returns a key schema with the kinds of its attributes.
func (d *definitions) schema(keys []keySchemaElement) (item.KeySchema, error) {
	attrs := make([]item.KeyAttr, len(keys))
	var names []string
	for i, k := range keys {
		attrs[i] = item.KeyAttr{Name: *k.AttributeName, Kind: d.kinds[*k.AttributeName]}
		names = append(names, *k.AttributeName)
	}
	two := len(attrs) == 2
	switch {
	case two && attrs[0].Name == attrs[1].Name:
		return item.KeySchema{}, awsjson.Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case *keys[0].KeyType != "HASH":
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case two && *keys[1].KeyType != "RANGE":
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	case slices.ContainsFunc(attrs, func(a item.KeyAttr) bool { return a.Kind == 0 }):
		return item.KeySchema{}, awsjson.Validation(invalidOnes + "Some index key attributes are not defined in AttributeDefinitions. Keys: " +
			list(names) + ", AttributeDefinitions: " + list(d.names))
	}
	for _, name := range names {
		if !slices.Contains(d.used, name) {
			d.used = append(d.used, name)
		}
	}
	schema := item.KeySchema{Hash: attrs[0]}
	if two {
		schema.Range = attrs[1]
	}
	return schema, nil
}

// allUsed refuses definitions that no key schema uses.
func (d *definitions) allUsed(indexes bool) error {
	switch {
	case len(d.used) == len(d.names):
		return nil
	case indexes:
		return awsjson.Validation(invalidOnes + "Some AttributeDefinitions are not used. AttributeDefinitions: " + list(d.names) + ", keys used: " + list(d.used))
	default:
		return awsjson.Validation(invalidOnes + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
}

func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// schemas returns the key schema of the table and its indexes.
func (r *tableRequest) schemas(mode table.Billing) (item.KeySchema, []table.IndexSpec, error) {
	d := r.definitions()
	schema, err := r.tableSchema(d)
	if err != nil {
		return schema, nil, err
	}
	if err := r.indexCounts(); err != nil {
		return schema, nil, err
	}
	var out []table.IndexSpec
	for i := range r.LocalSecondaryIndexes {
		x, err := r.LocalSecondaryIndexes[i].local(d, schema)
		if err != nil {
			return schema, nil, err
		}
		out = append(out, x)
	}
	for i := range r.GlobalSecondaryIndexes {
		x, err := r.GlobalSecondaryIndexes[i].global(d, mode)
		if err != nil {
			return schema, nil, err
		}
		out = append(out, x)
	}
	for i, x := range out {
		if slices.ContainsFunc(out[:i], func(y table.IndexSpec) bool { return x.Name == y.Name }) {
			return schema, nil, awsjson.Validation(invalidOnes + "Duplicate index name: " + x.Name)
		}
	}
	return schema, out, d.allUsed(len(out) > 0)
}

// tableSchema returns the key schema of the table, with the texts that
// DynamoDB has for it alone.
func (r *tableRequest) tableSchema(d *definitions) (item.KeySchema, error) {
	undefined := slices.ContainsFunc(r.KeySchema, func(k keySchemaElement) bool { return d.kinds[*k.AttributeName] == 0 })
	if undefined && len(r.KeySchema) == 2 && len(r.LocalSecondaryIndexes)+len(r.GlobalSecondaryIndexes) == 0 {
		return item.KeySchema{}, awsjson.Validation("Invalid KeySchema: Some index key attribute have no definition")
	}
	return d.schema(r.KeySchema)
}

func (r *tableRequest) indexCounts() error {
	locals, globals := r.LocalSecondaryIndexes, r.GlobalSecondaryIndexes
	switch {
	case locals != nil && len(locals) == 0:
		return awsjson.Validation(invalidOnes + "List of LocalSecondaryIndexes is empty")
	case globals != nil && len(globals) == 0:
		return awsjson.Validation(invalidOnes + "List of GlobalSecondaryIndexes is empty")
	case len(locals) > table.MaxLocalIndexes:
		return awsjson.Validation(fmt.Sprintf(invalidOnes+"Number of LocalSecondaryIndexes exceeds per-table limit of %d", table.MaxLocalIndexes))
	case len(globals) > table.MaxGlobalIndexes:
		return awsjson.Validation(fmt.Sprintf(invalidOnes+"GlobalSecondaryIndex count exceeds the per-table limit of %d", table.MaxGlobalIndexes))
	case len(locals) > 0 && len(r.KeySchema) < 2:
		return awsjson.Validation(invalidOnes + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	default:
		return nil
	}
}

// local returns a local index of a table with the key schema.
func (x *indexRequest) local(d *definitions, of item.KeySchema) (table.IndexSpec, error) {
	spec, err := x.spec(d)
	switch {
	case err != nil:
		return spec, err
	case !spec.Schema.HasRange():
		return spec, awsjson.Validation(invalidOnes + "Index KeySchema does not have a range key for index: " + spec.Name)
	case spec.Schema.Hash.Name != of.Hash.Name:
		return spec, awsjson.Validation(invalidOnes + "Index KeySchema does not have the same leading hash key as table KeySchema for index: " +
			spec.Name + ". index hash key: " + spec.Schema.Hash.Name + ", table hash key: " + of.Hash.Name)
	}
	spec.Local = true
	return spec, nil
}

// global returns a global index of a table with the billing mode.
func (x *indexRequest) global(d *definitions, mode table.Billing) (table.IndexSpec, error) {
	spec, err := x.spec(d)
	switch {
	case err != nil:
		return spec, err
	case mode == table.PayPerRequest && x.ProvisionedThroughput != nil:
		return spec, awsjson.Validation(invalidOnes + "ProvisionedThroughput should not be specified for index: " + spec.Name + " when BillingMode is PAY_PER_REQUEST")
	case mode == table.Provisioned && x.ProvisionedThroughput == nil:
		return spec, awsjson.Validation(invalidOnes + "ProvisionedThroughput must be specified for index: " + spec.Name)
	}
	spec.Throughput, err = x.ProvisionedThroughput.units()
	return spec, err
}

// spec checks what local and global indexes share.
func (x *indexRequest) spec(d *definitions) (table.IndexSpec, error) {
	spec := table.IndexSpec{Name: *x.IndexName}
	var err error
	if spec.Schema, err = d.schema(x.KeySchema); err != nil {
		return spec, err
	}
	p := x.Projection
	if p.ProjectionType == nil {
		return spec, awsjson.Validation(invalidOnes + "Unknown ProjectionType: null")
	}
	spec.Projection, spec.Include = table.Projection(*p.ProjectionType), p.NonKeyAttributes
	switch {
	case spec.Projection != table.ProjectSome && p.NonKeyAttributes != nil:
		return spec, awsjson.Validation(invalidOnes + "ProjectionType is " + *p.ProjectionType + ", but NonKeyAttributes is specified")
	case spec.Projection == table.ProjectSome && p.NonKeyAttributes == nil:
		return spec, awsjson.Validation(invalidOnes + "ProjectionType is " + *p.ProjectionType + ", but NonKeyAttributes is not specified")
	}
	return spec, nil
}

// updateConstraints checks the changes of indexes against the model.
func (r *tableRequest) updateConstraints(v *awsjson.Validator) {
	for i, u := range r.GlobalSecondaryIndexUpdates {
		at := fmt.Sprintf("globalSecondaryIndexUpdates.%d.member.", i+1)
		if u.Create != nil {
			u.Create.constraints(v, at+"create")
		}
		if u.Update != nil {
			v.RequiredText(u.Update.IndexName, at+"update.indexName", nameText)
			v.Required(u.Update.ProvisionedThroughput != nil, at+"update.provisionedThroughput")
			u.Update.ProvisionedThroughput.constraints(v, at+"update.provisionedThroughput")
		}
		if u.Delete != nil {
			v.RequiredText(u.Delete.IndexName, at+"delete.indexName", nameText)
		}
	}
}

// indexChanges returns the changes of indexes of a table as it is.
func (r *tableRequest) indexChanges(before table.Description, mode table.Billing) ([]table.IndexChange, error) {
	filling := slices.ContainsFunc(before.Indexes, func(x table.IndexDescription) bool { return x.Backfilling })
	if filling && len(r.GlobalSecondaryIndexUpdates) > 0 {
		return nil, &awsjson.Error{Type: "ResourceInUseException", Message: "Attempt to change a resource which is still in use: Table is being updated: " + before.Name}
	}
	var out []table.IndexChange
	online := 0
	for _, u := range r.GlobalSecondaryIndexUpdates {
		var c table.IndexChange
		switch {
		case u.Create != nil:
			d := r.definitions()
			d.complete(before)
			spec, err := u.Create.global(d, mode)
			if err != nil {
				return nil, err
			}
			c.Create = &spec
			online++
		case u.Delete != nil:
			c.Delete = *u.Delete.IndexName
			online++
		case u.Update != nil:
			units, err := u.Update.ProvisionedThroughput.units()
			if err != nil {
				return nil, err
			}
			c.Update, c.Throughput = *u.Update.IndexName, units
		default:
			return nil, awsjson.Validation(invalidOnes + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
		}
		out = append(out, c)
	}
	if online > 1 {
		return nil, &awsjson.Error{Type: "LimitExceededException", Message: "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"}
	}
	return out, nil
}

// complete adds the definitions that a table has.
func (d *definitions) complete(of table.Description) {
	schemas := []item.KeySchema{of.Schema}
	for _, x := range of.Indexes {
		schemas = append(schemas, x.Schema)
	}
	for _, s := range schemas {
		for _, a := range s.Attrs() {
			if d.kinds[a.Name] == 0 {
				d.kinds[a.Name] = a.Kind
			}
		}
	}
}
