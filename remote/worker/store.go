package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/parking"
)

// A store is the state table, for one group of consumers and one table.
type store struct {
	client             *dynamodb.Client
	name, group, table string
}

type row = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int) types.AttributeValue  { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(v types.AttributeValue) int {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		i, err := strconv.Atoi(n.Value)
		if err == nil {
			return i
		}
	}
	return 0
}

func bytesOf(v types.AttributeValue) []byte {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

func key(pk, sk string) row { return row{"pk": text(pk), "sk": text(sk)} }

func (s *store) heldKey() string { return "held#" + s.group + "#" + s.table }
func (s *store) startKey() row   { return key("start#"+s.group+"#"+s.table, "-") }
func (s *store) parkedKey(hash string) string {
	return "parked#" + s.group + "#" + s.table + "#" + hash
}

// query calls fn for the rows below a hash key, in order, those behind a range key
// if one is given, until fn returns false; limit is how many are read at a time, 0
// for as many as go.
func (s *store) query(ctx context.Context, pk, after string, limit int32, fn func(row) bool) error {
	in := &dynamodb.QueryInput{
		TableName: &s.name, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: row{":pk": text(pk)},
	}
	if after != "" {
		in.KeyConditionExpression, in.ExpressionAttributeValues[":after"] = aws.String("pk = :pk AND sk > :after"), text(after)
	}
	if limit > 0 {
		in.Limit = &limit
	}
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return fmt.Errorf("worker: state table %s: %w", s.name, err)
		}
		for _, r := range out.Items {
			if !fn(r) {
				return nil
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// An item that is held has parked records.
type heldItem struct {
	hash, group string
	n           int
}

// held returns the items that are held.
func (s *store) held(ctx context.Context) (out []heldItem, err error) {
	err = s.query(ctx, s.heldKey(), "", 0, func(r row) bool {
		out = append(out, heldItem{textOf(r["sk"]), textOf(r["item"]), numberOf(r["n"])})
		return true
	})
	return out, err
}

// parked calls fn for the parked records of an item, damaged ones included, with the
// number of rows that hold each, oldest first, until it returns false; after and limit are as those of
// query.
func (s *store) parked(ctx context.Context, hash, after string, limit int32, fn func(p *parking.Record, parts int) bool) error {
	var head row
	var body []byte
	var bad error
	missing := 0
	err := s.query(ctx, s.parkedKey(hash), after, limit, func(r row) bool {
		if missing == 0 {
			head, body, missing = r, nil, numberOf(r["parts"])
		}
		body = append(body, bytesOf(r["body"])...)
		if missing--; missing > 0 {
			return true
		}
		var p *parking.Record
		if p, bad = fromRow(head, body); bad != nil {
			if p = placeOf(textOf(head["sk"])); p == nil {
				return false
			}
			p.Damage, bad = bad, nil
		}
		return fn(p, numberOf(head["parts"]))
	})
	return errors.Join(err, bad)
}

// fromRow reads a parked record from its first row and its whole body. What Keep
// changes stands beside the body.
func fromRow(head row, body []byte) (*parking.Record, error) {
	p, err := unpack(body)
	if err != nil {
		return nil, fmt.Errorf("worker: row %s %s of the state table: %w", textOf(head["pk"]), textOf(head["sk"]), err)
	}
	p.Error, p.Definition, p.Tries = textOf(head["error"]), textOf(head["definition"]), numberOf(head["tries"])
	behind, ok := head["behind"].(*types.AttributeValueMemberBOOL)
	p.Behind = ok && behind.Value
	return p, nil
}

// Bounds of rows and transactions.
const (
	maxBody    = 380_000 // bytes of a body in one row
	maxActions = 90      // of a transaction, which may have 100
	maxBytes   = 3_000_000
)

// rows returns the rows that hold a parked record.
func (s *store) rows(p *parking.Record) ([]row, error) {
	body, err := pack(p)
	if err != nil {
		return nil, err
	}
	pk := s.parkedKey(hash(p.Group))
	var out []row
	for i := 0; len(body) > 0; i++ {
		n := min(len(body), maxBody)
		r := key(pk, part(place(p), i))
		r["body"] = &types.AttributeValueMemberB{Value: body[:n]}
		out, body = append(out, r), body[n:]
	}
	head := out[0]
	head["parts"], head["error"], head["definition"] = number(len(out)), text(p.Error), text(p.Definition)
	head["behind"], head["version"] = &types.AttributeValueMemberBOOL{Value: p.Behind}, text(p.Version)
	head["tries"], head["parkedAt"] = number(p.Tries), text(p.At.Format("2006-01-02T15:04:05Z"))
	return out, nil
}

func part(place string, i int) string {
	if i == 0 {
		return place
	}
	return place + "#" + strconv.Itoa(i)
}
