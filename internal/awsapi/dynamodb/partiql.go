package dynamodb

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A statement is a PartiQL statement in a request.
type statement struct {
	Statement                           *string
	Parameters                          parameters
	ConsistentRead                      *bool
	ReturnValuesOnConditionCheckFailure *string
}

// parameters are the values of a statement's parameters. The first invalid
// value is kept in err, an *item.Error.
type parameters struct {
	values []item.Value // nil if absent
	err    error
}

// UnmarshalJSONFrom reads a list in wire JSON; null is as absent.
func (p *parameters) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '{':
		return &item.SyntaxError{Msg: "Start of structure or map found where not expected"}
	case '[':
	default:
		return &item.SyntaxError{Msg: "Unexpected field type"}
	}
	depth := dec.StackDepth()
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	p.values = []item.Value{}
	for dec.PeekKind() != ']' {
		var v item.Value
		if err := v.UnmarshalJSONFrom(dec); err != nil {
			var invalid *item.Error
			if !errors.As(err, &invalid) {
				return err
			}
			p.err = invalid
			return leave(dec, depth)
		}
		p.values = append(p.values, v)
	}
	_, err := dec.ReadToken()
	return err
}

// size returns the sum of the sizes of the values.
func (p *parameters) size() int {
	n := 0
	for _, v := range p.values {
		n += v.Size()
	}
	return n
}

// check returns what is wrong with the values, which is reported before any
// error of the statement.
func (p *parameters) check() error {
	const nesting = "Nesting Levels have exceeded supported limits: "
	if p.err != nil && strings.HasPrefix(p.err.Error(), nesting) {
		return awsjson.Validation(nesting + "Attributes in the item have nested levels beyond supported limit")
	}
	return bare(p.err)
}

// constraints checks what the model says of the members; the paths of members
// begin with at.
func (s *statement) constraints(v *awsjson.Validator, at string) {
	v.RequiredText(s.Statement, at+"statement", awsjson.Text{Min: 1, Max: partiql.MaxLength})
	if s.Parameters.values != nil {
		n := len(s.Parameters.values)
		if s.Parameters.err != nil {
			n++
		}
		v.Length(n, "'[]'", at+"parameters", 1, 0)
	}
	v.Text(s.ReturnValuesOnConditionCheckFailure, at+"returnValuesOnConditionCheckFailure", returnOnFail)
}

// parse reads the statement.
func (s *statement) parse() (partiql.Statement, error) {
	out, err := partiql.Parse(*s.Statement, s.Parameters.values)
	return out, bare(err)
}

type executeRequest struct {
	statement
	Limit                  *int
	NextToken              *string
	ReturnConsumedCapacity *string
}

// errExistsAlone is the answer to EXISTS where there is no transaction.
var errExistsAlone = awsjson.Validation("EXISTS can only be used in ExecuteTransaction write requests.")

func (a *api) executeStatement(ctx context.Context, body []byte) ([]byte, error) {
	var r executeRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	awsjson.Range(&v, r.Limit, "limit", 1, 0)
	v.Text(r.NextToken, "nextToken", awsjson.Text{Min: 1, Max: 32768})
	r.constraints(&v, "")
	if err := first(v.Err, r.Parameters.check); err != nil {
		return nil, err
	}
	s, err := r.parse()
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Describe(s.Table())
	if err != nil {
		return nil, err
	}
	switch s := s.(type) {
	case *partiql.Select:
		return a.executeSelect(ctx, &r, s, d)
	case *partiql.Exists:
		return nil, errExistsAlone
	default:
		return a.executeWrite(ctx, &r, s, d)
	}
}

// executeWrite makes the change of a statement and encodes the answer.
func (a *api) executeWrite(ctx context.Context, r *executeRequest, s partiql.Statement, d table.Description) ([]byte, error) {
	res, err := a.change(ctx, &r.statement, s, d)
	if err != nil {
		return nil, err
	}
	dst := []byte(`{"Items":[`)
	if image := returning(s, res); image != nil {
		dst = item.AppendJSON(dst, image)
	}
	dst = append(dst, ']')
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = capacity{d.Name, res.Units, *r.ReturnConsumedCapacity, ""}.appendTo(append(dst, `,"ConsumedCapacity":`...))
	}
	return append(dst, '}'), nil
}
