package dynamodb

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

// named decodes a request whose one member of meaning is TableName.
func (a *api) named(body []byte) (string, error) {
	var r struct{ TableName *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return "", err
	}
	var v awsjson.Validator
	name, err := a.controlTable(r.TableName, &v)
	if err == nil {
		err = v.Err()
	}
	return name, err
}

// missing returns, in the words of the operations on tables, the error that there
// is no table of the name.
func missing(err error, name string) error {
	if errors.Is(err, table.ErrNotFound) {
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found: Table: " + name + " not found"}
	}
	return err
}

func (a *api) describeTable(_ context.Context, body []byte) ([]byte, error) {
	d, err := a.describeNamed(body)
	if err != nil {
		return nil, err
	}
	return encode("Table", describe(d, "ACTIVE"))
}

// describeNamed describes the table that a request names.
func (a *api) describeNamed(body []byte) (table.Description, error) {
	name, err := a.named(body)
	if err != nil {
		return table.Description{}, err
	}
	d, err := a.tables.Describe(name)
	return d, missing(err, name)
}

func (a *api) deleteTable(_ context.Context, body []byte) ([]byte, error) {
	name, err := a.named(body)
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Drop(name)
	if err != nil {
		return nil, missing(err, name)
	}
	return encode("TableDescription", describeDeleted(d))
}

func (a *api) listTables(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ExclusiveStartTableName *string
		Limit                   *int
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	awsjson.Range(&v, r.Limit, "limit", 1, 100)
	v.Text(r.ExclusiveStartTableName, "exclusiveStartTableName", nameText)
	if err := v.Err(); err != nil {
		return nil, err
	}
	after, limit := "", 100
	if r.ExclusiveStartTableName != nil {
		after = *r.ExclusiveStartTableName
	}
	if r.Limit != nil {
		limit = *r.Limit
	}
	found, more := a.tables.List(after, limit)
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

func (a *api) describeContinuousBackups(_ context.Context, body []byte) ([]byte, error) {
	name, err := a.named(body)
	if err != nil {
		return nil, err
	}
	if _, err := a.tables.Describe(name); errors.Is(err, table.ErrNotFound) {
		return nil, &awsjson.Error{Type: "TableNotFoundException", Message: "Table not found: " + name}
	}
	return []byte(`{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}`), nil
}

func (a *api) describeEndpoints(context.Context, []byte) ([]byte, error) {
	return []byte(`{"Endpoints":[{"Address":"dynamodb.` + a.region + `.amazonaws.com","CachePeriodInMinutes":1440}]}`), nil
}

func (a *api) describeLimits(context.Context, []byte) ([]byte, error) {
	return []byte(`{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}`), nil
}

func (a *api) describeKinesis(_ context.Context, body []byte) ([]byte, error) {
	d, err := a.describeNamed(body)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"TableName": d.Name, "KinesisDataStreamDestinations": []any{}}, json.Deterministic(true))
}

// policyTable returns the table whose policy a request is about.
func (a *api) policyTable(body []byte) (table.Description, error) {
	var r struct{ ResourceArn *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return table.Description{}, err
	}
	name, err := a.resource(r.ResourceArn)
	if err != nil {
		return table.Description{}, err
	}
	d, err := a.tables.Describe(name)
	return d, missingResource(err, r.ResourceArn)
}

func (a *api) getResourcePolicy(_ context.Context, body []byte) ([]byte, error) {
	d, err := a.policyTable(body)
	if err != nil {
		return nil, err
	}
	return nil, &awsjson.Error{Type: "PolicyNotFoundException", Message: "Resource-based policy not found for the provided ResourceArn: " + d.ARN}
}

func (a *api) deleteResourcePolicy(_ context.Context, body []byte) ([]byte, error) {
	_, err := a.policyTable(body)
	return []byte("{}"), err
}
