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
		Projection            *projectionRequest `model:"Projection"`
		ProvisionedThroughput *provisionedThroughput
	}
)

// constraints checks an index against the model, by which its key has at most so many
// attributes; 0: any number.
func (x *indexRequest) constraints(v *awsjson.Validator, path string, mostKeys int) {
	v.RequiredText(x.IndexName, path+".indexName", nameText)
	keyConstraints(v, x.KeySchema, path+".keySchema", mostKeys)
	v.Required(x.Projection != nil, path+".projection")
	if p := x.Projection; p != nil {
		v.Text(p.ProjectionType, path+".projection.projectionType", projectionTypes)
		if p.NonKeyAttributes != nil {
			v.Length(len(p.NonKeyAttributes), awsjson.Quote("["+strings.Join(p.NonKeyAttributes, ", ")+"]"), path+".projection.nonKeyAttributes", 1, 20)
		}
		for i := range p.NonKeyAttributes {
			v.Text(&p.NonKeyAttributes[i], fmt.Sprintf("%s.projection.nonKeyAttributes.%d.member", path, i+1), attributeText)
		}
	}
	x.ProvisionedThroughput.constraints(v, path+".provisionedThroughput")
}

// keyConstraints checks a key schema against the model, by which it has at most so many
// attributes; 0: any number.
func keyConstraints(v *awsjson.Validator, keys []keySchemaElement, path string, most int) {
	v.Required(keys != nil, path)
	if keys != nil {
		v.Length(len(keys), shownKeys(keys), path, 1, most)
	}
	for i, k := range keys {
		at := fmt.Sprintf("%s.%d.member.", path, i+1)
		v.RequiredText(k.AttributeName, at+"attributeName", attributeText)
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

// definitions returns the checked definitions of the request.
func (r *tableRequest) definitions() (*definitions, error) {
	d := &definitions{kinds: map[string]item.Kind{}}
	for _, a := range r.AttributeDefinitions {
		if d.kinds[*a.AttributeName] != 0 {
			return nil, awsjson.Validation("Attribute Name is duplicated: " + *a.AttributeName)
		}
		d.kinds[*a.AttributeName] = item.ParseKind(*a.AttributeType)
		d.names = append(d.names, *a.AttributeName)
	}
	return d, nil
}

// schema returns the key schema of a table or a local index, of one or two attributes.
func (d *definitions) schema(keys []keySchemaElement) (item.KeySchema, error) {
	schema, err := d.typed(keys)
	two := len(keys) == 2
	switch {
	case err != nil:
		return schema, err
	case two && *keys[0].AttributeName == *keys[1].AttributeName:
		return schema, awsjson.Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case *keys[0].KeyType != "HASH":
		return schema, errFirstKey
	case two && *keys[1].KeyType != "RANGE":
		return schema, awsjson.Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	default:
		return schema, nil
	}
}

var errFirstKey = awsjson.Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")

// globalSchema returns the key schema of a global index, of one to four partition
// attributes and up to four sort attributes behind them.
func (d *definitions) globalSchema(keys []keySchemaElement) (item.KeySchema, error) {
	schema, err := d.typed(keys)
	if err != nil {
		return schema, err
	}
	seen := map[string]bool{}
	count := map[string]int{}
	for i, k := range keys {
		switch {
		case seen[*k.AttributeName]:
			return schema, awsjson.Validation("The KeySchema contains multiple key attributes with the same name")
		case i == 0 && *k.KeyType != "HASH":
			return schema, errFirstKey
		case *k.KeyType == "HASH" && count["RANGE"] > 0:
			return schema, awsjson.Validation(invalidOnes + "All HASH key attributes must precede RANGE key attributes in the KeySchema")
		}
		seen[*k.AttributeName] = true
		if count[*k.KeyType]++; count[*k.KeyType] > item.MaxKeyParts {
			return schema, awsjson.Validation(invalidOnes + "The KeySchema exceeds the maximum allowed number of " + *k.KeyType + " key attributes")
		}
	}
	return schema, nil
}

// typed returns a key schema with the kinds of its attributes, which all have
// definitions. The order of the attributes and their number are not checked.
func (d *definitions) typed(keys []keySchemaElement) (item.KeySchema, error) {
	var hash, sort []item.KeyAttr
	var names []string
	for i, k := range keys {
		a := item.KeyAttr{Name: *k.AttributeName, Kind: d.kinds[*k.AttributeName]}
		names = append(names, a.Name)
		if i == 0 || *k.KeyType == "HASH" {
			hash = append(hash, a)
		} else {
			sort = append(sort, a)
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return d.kinds[name] == 0 }) {
		return item.KeySchema{}, awsjson.Validation(invalidOnes + "Some index key attributes are not defined in AttributeDefinitions. Keys: " +
			list(names) + ", AttributeDefinitions: " + list(d.names))
	}
	for _, name := range names {
		if !slices.Contains(d.used, name) {
			d.used = append(d.used, name)
		}
	}
	return item.NewKeySchema(hash, sort), nil
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

// schemas returns the key schema of the table and its indexes. That a key has no
// definition, and that a definition has no key, is told before all else of the
// indexes.
func (r *tableRequest) schemas(mode table.Billing) (item.KeySchema, []table.IndexSpec, error) {
	d, err := r.definitions()
	if err != nil {
		return item.KeySchema{}, nil, err
	}
	schema, err := r.tableSchema(d)
	if err != nil {
		return schema, nil, err
	}
	if err := r.indexCounts(); err != nil {
		return schema, nil, err
	}
	requests := slices.Concat(r.LocalSecondaryIndexes, r.GlobalSecondaryIndexes)
	keys := make([]item.KeySchema, len(requests))
	for i, x := range requests {
		read := d.globalSchema
		if i < len(r.LocalSecondaryIndexes) {
			read = d.schema
		}
		if keys[i], err = read(x.KeySchema); err != nil {
			return schema, nil, err
		}
	}
	if err := d.allUsed(len(requests) > 0); err != nil {
		return schema, nil, err
	}
	out := make([]table.IndexSpec, len(requests))
	for i := range requests {
		if i < len(r.LocalSecondaryIndexes) {
			out[i], err = requests[i].local(keys[i], schema)
		} else {
			out[i], err = requests[i].global(keys[i], mode, unitsOfCreate)
		}
		if err == nil && slices.ContainsFunc(out[:i], func(y table.IndexSpec) bool { return out[i].Name == y.Name }) {
			err = awsjson.Validation(invalidOnes + "Duplicate index name: " + out[i].Name)
		}
		if err != nil {
			return schema, nil, err
		}
	}
	return schema, out, nil
}

// tableSchema returns the key schema of the table. More keys than definitions are
// worded in a way of their own.
func (r *tableRequest) tableSchema(d *definitions) (item.KeySchema, error) {
	if len(r.KeySchema) > len(d.names) {
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

// local returns a local index with the keys, of a table with the key schema.
func (x *indexRequest) local(keys, of item.KeySchema) (table.IndexSpec, error) {
	switch name := *x.IndexName; {
	case !keys.HasRange():
		return table.IndexSpec{}, awsjson.Validation(invalidOnes + "Index KeySchema does not have a range key for index: " + name)
	case keys.Hash.Name != of.Hash.Name:
		return table.IndexSpec{}, awsjson.Validation(invalidOnes + "Index KeySchema does not have the same leading hash key as table KeySchema for index: " +
			name + ". index hash key: " + keys.Hash.Name + ", table hash key: " + of.Hash.Name)
	}
	spec, err := x.spec(keys)
	spec.Local = true
	return spec, err
}

// unitsTexts are the errors of an index with throughput on a table that has none,
// and the other way round, as an operation words them. They hold the name as %s.
type unitsTexts struct{ unwanted, absent string }

var (
	unitsOfCreate = unitsTexts{
		"ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST",
		"ProvisionedThroughput is not specified for index: %s",
	}
	unitsOfUpdate = unitsTexts{
		"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: %s when BillingMode is PAY_PER_REQUEST",
		"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: %s",
	}
)

// global returns a global index with the keys, of a table with the billing mode.
func (x *indexRequest) global(keys item.KeySchema, mode table.Billing, texts unitsTexts) (table.IndexSpec, error) {
	spec, err := x.spec(keys)
	switch {
	case err != nil:
		return spec, err
	case mode == table.PayPerRequest && x.ProvisionedThroughput != nil:
		return spec, awsjson.Validation(invalidOnes + fmt.Sprintf(texts.unwanted, spec.Name))
	case mode == table.Provisioned && x.ProvisionedThroughput == nil:
		return spec, awsjson.Validation(invalidOnes + fmt.Sprintf(texts.absent, spec.Name))
	}
	spec.Throughput, err = x.ProvisionedThroughput.units(" for index " + spec.Name)
	return spec, err
}

// spec checks the projection, which local and global indexes share.
func (x *indexRequest) spec(keys item.KeySchema) (table.IndexSpec, error) {
	spec := table.IndexSpec{Name: *x.IndexName, Schema: keys}
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
	for i, name := range spec.Include {
		if slices.Contains(spec.Include[:i], name) {
			return spec, awsjson.Validation(invalidOnes + "Duplicate element in NonKeyAttributes: " + name)
		}
	}
	return spec, nil
}
