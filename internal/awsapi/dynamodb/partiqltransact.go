package dynamodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

type executeTransactionRequest struct {
	TransactStatements     []statement `model:"ParameterizedStatement"`
	ClientRequestToken     *string
	ReturnConsumedCapacity *string
}

// A member is a statement of a transaction and the table it is about.
type member struct {
	partiql.Statement
	table table.Description
	gone  error // that there is no such table
}

func (a *api) executeTransaction(ctx context.Context, body []byte) ([]byte, error) {
	var r executeTransactionRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.constraints(); err != nil {
		return nil, err
	}
	members, read, err := r.parse(a)
	if err != nil {
		return nil, err
	}
	if read {
		return a.transactReads(ctx, &r, members)
	}
	return a.transactWrites(ctx, &r, members, hashItems(body))
}

// constraints checks what the model says of the members, and the values of
// parameters.
func (r *executeTransactionRequest) constraints() error {
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Text(r.ClientRequestToken, "clientRequestToken", awsjson.Text{Min: 1, Max: 36})
	constrainStatements(&v, r.TransactStatements, "transactStatements", table.MaxTransact)
	if err := v.Err(); err != nil {
		return err
	}
	for i := range r.TransactStatements {
		if err := r.TransactStatements[i].Parameters.check(); err != nil {
			return err
		}
	}
	return nil
}

// parse parses the statements. It returns read if all of them are SELECTs.
func (r *executeTransactionRequest) parse(a *api) (members []member, read bool, err error) {
	reads := 0
	for i := range r.TransactStatements {
		s, err := r.TransactStatements[i].parse()
		if err != nil {
			return nil, false, inStatement(i, err)
		}
		m := member{Statement: s}
		if m.table, err = a.tables.Describe(s.Table()); errors.Is(err, table.ErrNotFound) {
			m.gone = err
		} else if err != nil {
			return nil, false, err
		}
		if _, ok := s.(*partiql.Select); ok {
			reads++
		}
		members = append(members, m)
	}
	if reads > 0 && reads < len(members) {
		return nil, false, awsjson.Validation("ExecuteTransaction API does not support both read and write operations in the same request.")
	}
	return members, reads > 0, nil
}

// inStatement says in which statement an error is.
func inStatement(i int, err error) error {
	var e *awsjson.Error
	if !errors.As(err, &e) {
		e = mapError(err)
	}
	if e == nil {
		return err
	}
	return awsjson.Validation(fmt.Sprintf("Validation failed in TransactStatements[%d]: %s", i, e.Message))
}

// gone returns the cancellation of a transaction that names tables that do not
// exist, or nil.
func gone(members []member) error {
	out := &table.CanceledError{Reasons: make([]error, len(members))}
	found := false
	for i, m := range members {
		out.Reasons[i] = m.gone
		found = found || m.gone != nil
	}
	if !found {
		return nil
	}
	return out
}

// transactWrites makes a transaction of writes and conditions.
func (a *api) transactWrites(ctx context.Context, r *executeTransactionRequest, members []member, hash [32]byte) ([]byte, error) {
	x := table.Transaction{Requests: make([]table.Request, len(members)), Hold: holder(ctx)}
	if r.ClientRequestToken != nil {
		x.Token, x.Hash = *r.ClientRequestToken, hash
	}
	for i, m := range members {
		if m.gone != nil {
			continue
		}
		var err error
		if x.Requests[i], err = m.request(); err != nil {
			return nil, inStatement(i, err)
		}
		if _, put := x.Requests[i].(table.PutRequest); !put {
			x.Values += r.TransactStatements[i].Parameters.size()
		}
	}
	if err := gone(members); err != nil {
		return nil, r.canceled(err, members)
	}
	results, spent, err := a.tables.Transact(ctx, x)
	if err != nil {
		return nil, r.canceled(err, members)
	}
	dst := []byte(`{"Responses":[]`)
	if wantsCapacity(r.ReturnConsumedCapacity) {
		var sums tally
		kind := "Write"
		for i, m := range members {
			units := table.Units{Table: table.ReadUnits(0, true)}
			if spent {
				kind = "Read"
			} else {
				units = results[i].Units
			}
			sums.add(m.table.Name, units.Scale(2))
		}
		dst = sums.appendTo(dst, *r.ReturnConsumedCapacity, kind)
	}
	return append(dst, '}'), nil
}

// request returns the write of a member. One that does not name an item by its
// key becomes one without a key, which cancels the transaction.
func (m member) request() (table.Request, error) {
	if returns(m.Statement) {
		return nil, awsjson.Validation("RETURNING clause is not supported in ExecuteTransaction.")
	}
	if s, ok := m.Statement.(*partiql.Exists); ok && s.Index != "" {
		return nil, awsjson.Validation("Operations on indices are not supported in transactions")
	}
	request, err := writeOf(m.Statement, m.table)
	var key *partiql.KeyError
	if errors.As(err, &key) {
		return table.DeleteRequest{Table: m.table.Name}, nil
	}
	return request, err
}

// returns reports whether the statement has a RETURNING clause.
func returns(s partiql.Statement) bool {
	switch s := s.(type) {
	case *partiql.Update:
		return s.Returning != partiql.None
	case *partiql.Delete:
		return s.Returning != partiql.None
	default:
		return false
	}
}

// canceled turns the cancellation of a transaction into its exception.
func (r *executeTransactionRequest) canceled(err error, members []member) error {
	var e *table.CanceledError
	if !errors.As(err, &e) {
		return err
	}
	reasons := make([]reason, len(e.Reasons))
	for i, err := range e.Reasons {
		reasons[i] = reasonOf(err)
		var unmet *table.ConditionError
		_, insert := members[i].Statement.(*partiql.Insert)
		switch {
		case errors.Is(err, table.ErrNotFound):
			reasons[i].Code = "ResourceNotFound"
		case !errors.As(err, &unmet):
		case insert:
			reasons[i] = reason{Code: "DuplicateItem", Message: errDuplicate.Message}
		case r.TransactStatements[i].wantsItem():
			reasons[i].Item = unmet.Item
		}
	}
	return canceledFor(reasons)
}

// transactReads answers a transaction of reads.
func (a *api) transactReads(ctx context.Context, r *executeTransactionRequest, members []member) ([]byte, error) {
	keys := make([]table.ItemKey, len(members))
	for i, m := range members {
		if m.gone != nil {
			continue
		}
		key, err := m.key()
		if err != nil {
			return nil, inStatement(i, err)
		}
		keys[i] = table.ItemKey{Table: m.table.Name, Key: key}
	}
	if err := gone(members); err != nil {
		return nil, r.canceled(err, members)
	}
	found, err := a.tables.TransactGet(ctx, keys)
	if err != nil {
		return nil, r.canceled(err, members)
	}
	if err := holdItems(ctx, found); err != nil {
		return nil, err
	}
	var sums tally
	dst := []byte(`{"Responses":[`)
	for i, it := range found {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if it != nil {
			dst = item.AppendJSON(append(dst, `"Item":`...), members[i].Statement.(*partiql.Select).Project(it))
		}
		dst = append(dst, '}')
		sums.add(keys[i].Table, table.Units{Table: 2 * table.ReadUnits(item.Size(it), true)})
	}
	dst = append(dst, ']')
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = sums.appendTo(dst, *r.ReturnConsumedCapacity, "Read")
	}
	return append(dst, '}'), nil
}

// key returns the key of the item that a member reads; nil, which cancels the
// transaction, if its values are not of the key's types.
func (m member) key() (item.Item, error) {
	s := m.Statement.(*partiql.Select)
	if s.Index != "" {
		return nil, awsjson.Validation("Reads on indices are not supported within transactions.")
	}
	key, ok, err := s.Target(m.table.Schema)
	var mismatch *partiql.KeyError
	switch {
	case errors.As(err, &mismatch):
		return nil, nil
	case err != nil:
		return nil, err
	case !ok:
		return nil, awsjson.Validation("Select statements within ExecuteTransaction must specify the primary key in the where clause.")
	default:
		return key, nil
	}
}
