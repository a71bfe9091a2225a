package dynamodb

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// The functions here read from a request which permissions it needs: the operation's
// own action on each table or index that it names, but for statements and transactions,
// which need the actions of what they do. They read names as the operations do, so that
// what is permitted is what is worked on.

// Permissions beside those that operations are called by.
const (
	conditionCheck = "dynamodb:ConditionCheckItem"
	partiqlSelect  = "dynamodb:PartiQLSelect"
	partiqlInsert  = "dynamodb:PartiQLInsert"
	partiqlUpdate  = "dynamodb:PartiQLUpdate"
	partiqlDelete  = "dynamodb:PartiQLDelete"
)

// Actions returns the actions that keys can be allowed.
func Actions() []string {
	out := []string{conditionCheck, partiqlSelect, partiqlInsert, partiqlUpdate, partiqlDelete}
	for _, o := range operations {
		out = append(out, "dynamodb:"+o.Name)
	}
	return out
}

func onAll(*api, []byte) ([]awsjson.Permission, error) { return awsjson.On(awsjson.Anything), nil }

// table returns the ARN of the table that a request names, which may be absent, and
// may be of another account or region.
func (a *api) table(name *string) string {
	if name == nil {
		return awsjson.Anything
	}
	plain := a.plainName(*name)
	if isForeign(plain) {
		return plain
	}
	return a.tableARN + plain
}

func onTable(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ TableName *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.table(r.TableName)), err
}

func onIndex(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ TableName, IndexName *string }
	err := awsjson.Decode(body, &r)
	on := a.table(r.TableName)
	if r.IndexName != nil {
		on += "/index/" + *r.IndexName
	}
	return awsjson.On(on), err
}

func onResource(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ ResourceArn *string }
	err := awsjson.Decode(body, &r)
	return awsjson.On(a.table(r.ResourceArn)), err
}

func onBatch(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ RequestItems map[string]jsontext.Value }
	err := awsjson.Decode(body, &r)
	var on []string
	for _, name := range slices.Sorted(maps.Keys(r.RequestItems)) {
		on = append(on, a.table(&name))
	}
	return awsjson.On(on...), err
}

type tableName = struct{ TableName *string }

func onTransactGet(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		TransactItems []struct{ Get *tableName } `model:"TransactGetItem"`
	}
	err := awsjson.Decode(body, &r)
	var need []awsjson.Permission
	for _, t := range r.TransactItems {
		need = a.add(need, "dynamodb:GetItem", t.Get)
	}
	return need, err
}

func onTransactWrite(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		TransactItems []struct{ ConditionCheck, Put, Update, Delete *tableName } `model:"TransactWriteItem"`
	}
	err := awsjson.Decode(body, &r)
	var need []awsjson.Permission
	for _, t := range r.TransactItems {
		need = a.add(need, conditionCheck, t.ConditionCheck)
		need = a.add(need, "dynamodb:PutItem", t.Put)
		need = a.add(need, "dynamodb:UpdateItem", t.Update)
		need = a.add(need, "dynamodb:DeleteItem", t.Delete)
	}
	return need, err
}

// add appends the permission of one element of a transaction, if there is one.
func (a *api) add(need []awsjson.Permission, action string, element *tableName) []awsjson.Permission {
	if element == nil {
		return need
	}
	return append(need, awsjson.Permission{Action: action, Resource: a.table(element.TableName)})
}

func onStatement(a *api, body []byte) ([]awsjson.Permission, error) {
	var r statement
	if err := awsjson.Decode(body, &r); err != nil || r.Statement == nil {
		return nil, err
	}
	p, err := a.permission(&r)
	return []awsjson.Permission{p}, err
}

// onStatements leaves out statements that cannot be parsed: each has its own error in
// the answer.
func onStatements(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		Statements []statement `model:"BatchStatementRequest"`
	}
	err := awsjson.Decode(body, &r)
	var need []awsjson.Permission
	for i := range r.Statements {
		if r.Statements[i].Statement == nil {
			continue
		}
		if p, err := a.permission(&r.Statements[i]); err == nil {
			need = append(need, p)
		}
	}
	return need, err
}

func onTransactStatements(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct {
		TransactStatements []statement `model:"ParameterizedStatement"`
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var need []awsjson.Permission
	for i := range r.TransactStatements {
		if r.TransactStatements[i].Statement == nil {
			continue
		}
		p, err := a.permission(&r.TransactStatements[i])
		if err != nil {
			return nil, err
		}
		need = append(need, p)
	}
	return need, nil
}

// permission returns what a statement needs.
func (a *api) permission(s *statement) (awsjson.Permission, error) {
	parsed, err := s.parse()
	if err != nil {
		return awsjson.Permission{}, err
	}
	out := awsjson.Permission{Resource: a.tableARN + parsed.Table()}
	switch s := parsed.(type) {
	case *partiql.Select:
		out.Action = partiqlSelect
		if s.Index != "" {
			out.Resource += "/index/" + s.Index
		}
	case *partiql.Exists:
		out.Action = partiqlSelect
	case *partiql.Insert:
		out.Action = partiqlInsert
	case *partiql.Update:
		out.Action = partiqlUpdate
	default:
		out.Action = partiqlDelete
	}
	return out, nil
}
