package dynamodb

import (
	"context"
	"errors"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

var errDuplicate = &awsjson.Error{Type: "DuplicateItemException", Message: "Duplicate primary key exists in table"}

// writeOf returns the write that a statement asks for.
func writeOf(s partiql.Statement, d table.Description) (table.Request, error) {
	switch s := s.(type) {
	case *partiql.Insert:
		return table.PutRequest{Table: d.Name, Item: s.Item, Condition: s.Condition(d.Schema)}, nil
	case *partiql.Update:
		key, condition, err := s.Target(d.Schema)
		return table.UpdateRequest{Table: d.Name, Key: key, Update: s.Update, Condition: condition}, err
	case *partiql.Delete:
		key, condition, err := s.Target(d.Schema)
		return table.DeleteRequest{Table: d.Name, Key: key, Condition: condition}, err
	default:
		key, condition, err := s.(*partiql.Exists).Target(d.Schema)
		return table.CheckRequest{Table: d.Name, Key: key, Condition: condition}, err
	}
}

// change makes the change of a statement.
func (a *api) change(ctx context.Context, r *statement, s partiql.Statement, d table.Description) (table.WriteResult, error) {
	request, err := writeOf(s, d)
	if err != nil {
		return table.WriteResult{}, err
	}
	var res table.WriteResult
	switch w := request.(type) {
	case table.PutRequest:
		res, err = a.tables.Put(ctx, w)
	case table.UpdateRequest:
		res, err = a.tables.Modify(ctx, w)
	case table.DeleteRequest:
		res, err = a.tables.Delete(ctx, w)
	default:
		err = errExistsAlone
	}
	return res, r.unmet(s, err)
}

// unmet turns the error of a condition into what the statement answers.
func (r *statement) unmet(s partiql.Statement, err error) error {
	var unmet *table.ConditionError
	if !errors.As(err, &unmet) {
		return err
	}
	if _, ok := s.(*partiql.Insert); ok {
		return errDuplicate
	}
	out := &failedCondition{}
	if r.wantsItem() {
		out.item = unmet.Item
	}
	return out
}

// wantsItem reports whether a failed condition is to show the item.
func (r *statement) wantsItem() bool {
	return r.ReturnValuesOnConditionCheckFailure != nil && *r.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
}

// returning picks what RETURNING asks for; nil if there is nothing.
func returning(s partiql.Statement, res table.WriteResult) item.Item {
	switch s := s.(type) {
	case *partiql.Update:
		return returned(s.Returning, s.Update.Paths(), res)
	case *partiql.Delete:
		return returned(s.Returning, nil, res)
	default:
		return nil
	}
}

func returned(what partiql.Returning, paths []expr.Path, res table.WriteResult) item.Item {
	var image item.Item
	switch what {
	case partiql.AllOld:
		return res.Old
	case partiql.AllNew:
		return res.New
	case partiql.ModifiedOld:
		image = res.Old
	case partiql.ModifiedNew:
		image = res.New
	}
	if picked := expr.Pick(image, paths); len(picked) > 0 {
		return picked
	}
	return nil
}
