package dynamodb

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// maxBatchStatements is the most statements of BatchExecuteStatement.
const maxBatchStatements = 25

type batchExecuteRequest struct {
	Statements             []statement `model:"BatchStatementRequest"`
	ReturnConsumedCapacity *string
}

// A statementAnswer is a BatchStatementResponse.
type statementAnswer struct {
	Error     *statementError `json:",omitzero"`
	Item      item.Item       `json:",omitzero"`
	TableName string          `json:",omitzero"`

	units table.Units
}

type statementError struct {
	Code    string
	Message string
	Item    item.Item `json:",omitzero"`
}

func (a *api) batchExecuteStatement(ctx context.Context, body []byte) ([]byte, error) {
	var r batchExecuteRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.constraints(); err != nil {
		return nil, err
	}
	parsed, faults, err := r.parse()
	if err != nil {
		return nil, err
	}
	answers := make([]statementAnswer, len(parsed))
	var sums tally
	for i, s := range parsed {
		if err := faults[i]; err != nil {
			if answers[i].Error, err = codeOf(err); err != nil {
				return nil, err
			}
			continue
		}
		if answers[i], err = a.one(ctx, &r.Statements[i], s); err != nil {
			return nil, err
		}
		if answers[i].TableName != "" {
			sums.add(answers[i].TableName, answers[i].units)
		}
	}
	list, err := json.Marshal(answers)
	if err != nil {
		return nil, err
	}
	dst := append([]byte(`{"Responses":`), list...)
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = sums.appendTo(dst, *r.ReturnConsumedCapacity, "")
	}
	return append(dst, '}'), nil
}

// constraints checks what the model says of the members.
func (r *batchExecuteRequest) constraints() error {
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	constrainStatements(&v, r.Statements, "statements", maxBatchStatements)
	return v.Err()
}

// constrainStatements checks a list of at most so many statements.
func constrainStatements(v *awsjson.Validator, all []statement, path string, most int) {
	v.Required(all != nil, path)
	if all != nil {
		v.Length(len(all), "'[...]'", path, 1, most)
	}
	for i := range all {
		all[i].constraints(v, path+"."+strconv.Itoa(i+1)+".member.")
	}
}

// parse parses the statements; an error of one is the answer of that one alone.
// All of them must read, or all write.
func (r *batchExecuteRequest) parse() (parsed []partiql.Statement, faults []error, err error) {
	parsed, faults = make([]partiql.Statement, len(r.Statements)), make([]error, len(r.Statements))
	reads, writes := false, false
	for i := range r.Statements {
		s := &r.Statements[i]
		if faults[i] = s.Parameters.check(); faults[i] != nil {
			continue
		}
		if parsed[i], faults[i] = s.parse(); faults[i] != nil {
			continue
		}
		_, read := parsed[i].(*partiql.Select)
		reads, writes = reads || read, writes || !read
	}
	if reads && writes {
		return nil, nil, awsjson.Validation("BatchExecuteStatement API does not support both read and write operations in the same request.")
	}
	return parsed, faults, nil
}

// one runs one statement of a batch. An error that it returns ends the whole
// batch.
func (a *api) one(ctx context.Context, r *statement, s partiql.Statement) (statementAnswer, error) {
	d, err := a.tables.Describe(s.Table())
	out := statementAnswer{TableName: d.Name}
	switch s := s.(type) {
	case *partiql.Select:
		if err == nil {
			out.Item, err = a.getOne(ctx, s, d)
			out.units = readUnits(item.Size(out.Item), r.ConsistentRead)
			if out.Item != nil {
				out.Item = s.Project(out.Item)
			}
		}
	default:
		var res table.WriteResult
		if err == nil {
			res, err = a.change(ctx, r, s, d)
			out.Item, out.units = returning(s, res), res.Units
		}
	}
	if err == nil {
		return out, nil
	}
	out.Item = nil
	out.Error, err = codeOf(err)
	return out, err
}

// getOne reads the one item that a SELECT of a batch names.
func (a *api) getOne(ctx context.Context, s *partiql.Select, d table.Description) (item.Item, error) {
	key, ok, err := s.Target(d.Schema)
	switch {
	case s.Index != "" && slices.ContainsFunc(d.Indexes, func(x table.IndexDescription) bool { return x.Name == s.Index && x.Schema.Multi() }):
		return nil, errMultiAttribute
	case s.Index != "" || err == nil && !ok:
		return nil, awsjson.Validation("Select statements within BatchExecuteStatement must specify the primary key in the where clause.")
	case err != nil:
		return nil, err
	default:
		return a.tables.Get(ctx, d.Name, key)
	}
}

// codeOf returns an error as a BatchStatementError, or the error itself if no
// request should meet it.
func codeOf(err error) (*statementError, error) {
	var e *awsjson.Error
	if !errors.As(err, &e) {
		e = mapError(err)
	}
	if e == nil {
		return nil, err
	}
	out := &statementError{Code: strings.TrimSuffix(e.Type, "Exception"), Message: e.Message}
	if out.Code == "Validation" || out.Code == "Throttling" {
		out.Code += "Error"
	}
	out.Item, _ = e.Fields["Item"].(item.Item)
	return out, nil
}
