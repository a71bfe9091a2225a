package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/parking"
)

// errReleased means that the item was released meanwhile: its records need not
// be parked behind.
var errReleased = errors.New("worker: the item is no longer held")

// park keeps records of one item, in order; those that are there already stay
// as they are. If the first was only to go behind others and there are none any
// more, nothing is kept and the error is errReleased.
func (s *store) park(ctx context.Context, records []*parking.Record) error {
	for len(records) > 0 {
		done, err := s.parkSome(ctx, records)
		if err != nil {
			return err
		}
		records = records[done:]
	}
	return nil
}

// parkSome keeps as many of the records as a transaction takes.
func (s *store) parkSome(ctx context.Context, records []*parking.Record) (done int, err error) {
	var puts []types.TransactWriteItem
	added, size := 0, 0
	var heads []int // places in puts of the records' first rows
	for _, p := range records {
		rows, err := s.rows(p)
		if err != nil {
			return 0, err
		}
		bytes := 0
		for _, r := range rows {
			bytes += len(bytesOf(r["body"])) + 1024
		}
		if added > 0 && (len(puts)+len(rows) > maxActions || size+bytes > maxBytes) {
			break
		}
		heads = append(heads, len(puts))
		for _, r := range rows {
			puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: &s.name, Item: r, ConditionExpression: aws.String("attribute_not_exists(pk)")}})
		}
		added, size = added+1, size+bytes
	}
	err = s.transact(ctx, append(puts, s.hold(records[0], added)))
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return added, err
	}
	return s.parkRest(ctx, records[:added], heads, canceled.CancellationReasons, err)
}

// parkRest deals with a transaction that was canceled: it goes on without the
// records that are there already.
func (s *store) parkRest(ctx context.Context, records []*parking.Record, heads []int, reasons []types.CancellationReason, err error) (done int, _ error) {
	failed := func(i int) bool { return i < len(reasons) && aws.ToString(reasons[i].Code) == "ConditionalCheckFailed" }
	var rest []*parking.Record
	for i, p := range records {
		if !failed(heads[i]) {
			rest = append(rest, p)
		}
	}
	switch {
	case len(rest) < len(records):
		return len(records), s.park(ctx, rest)
	case failed(len(reasons) - 1):
		return 0, errReleased
	}
	return 0, err
}

// hold counts the records that an item gets.
func (s *store) hold(first *parking.Record, added int) types.TransactWriteItem {
	u := &types.Update{
		TableName: &s.name, Key: key(s.heldKey(), hash(first.Group)), UpdateExpression: aws.String("SET #item = :item ADD n :n"),
		ExpressionAttributeNames: map[string]string{"#item": "item"}, ExpressionAttributeValues: row{":n": number(added), ":item": text(first.Group)},
	}
	if first.Behind {
		u.ConditionExpression = aws.String("attribute_exists(pk)")
	}
	return types.TransactWriteItem{Update: u}
}

// A transaction takes a parked record away.
type transaction struct {
	record *parking.Record
	parts  int // rows that hold it
}

// releaseTries is how often commit tries to take a record away.
const releaseTries = 10

// commit takes a parked record away: its rows, and one from the count of its item,
// whose row goes with the last record. Workers and operators may change the count
// at the same time, which cancels the transaction; it is tried again then. A record
// that is gone is no error.
func (s *store) commit(ctx context.Context, tx transaction) error {
	pauses := wait.Backoff{Least: minPause, Most: maxPause}
	for n := 1; ; n++ {
		err := s.commitOnce(ctx, tx)
		if !isCanceled(err) || n == releaseTries {
			return err
		}
		if err := pauses.Wait(ctx); err != nil {
			return err
		}
	}
}

// commitOnce is one try of commit. It has two forms, since a condition cannot ask
// for both counts: the record is the last of its item, or not.
func (s *store) commitOnce(ctx context.Context, tx transaction) error {
	p := tx.record
	var deletes []types.TransactWriteItem
	for i := range tx.parts {
		d := &types.Delete{TableName: &s.name, Key: key(s.parkedKey(hash(p.Group)), part(place(p), i))}
		if i == 0 {
			d.ConditionExpression = aws.String("attribute_exists(pk)")
		}
		deletes = append(deletes, types.TransactWriteItem{Delete: d})
	}
	held := key(s.heldKey(), hash(p.Group))
	one := row{":one": number(1)}
	last := types.TransactWriteItem{Delete: &types.Delete{TableName: &s.name, Key: held, ConditionExpression: aws.String("n = :one"), ExpressionAttributeValues: one}}
	err := s.transact(ctx, append(deletes[:len(deletes):len(deletes)], last))
	if !isCanceled(err) {
		return err
	}
	less := types.TransactWriteItem{Update: &types.Update{
		TableName: &s.name, Key: held, ConditionExpression: aws.String("n > :one"), UpdateExpression: aws.String("SET n = n - :one"), ExpressionAttributeValues: one,
	}}
	err = s.transact(ctx, append(deletes, less))
	if isCanceled(err) && !s.exists(ctx, p) {
		return nil
	}
	return err
}

func isCanceled(err error) bool {
	var canceled *types.TransactionCanceledException
	return errors.As(err, &canceled)
}

// exists reports whether a parked record may still be there.
func (s *store) exists(ctx context.Context, p *parking.Record) bool {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.name, Key: key(s.parkedKey(hash(p.Group)), place(p)), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("pk"),
	})
	return err != nil || len(out.Item) > 0
}

// keep makes the reason and the tries of a parked record durable. One that is
// gone is no error.
func (s *store) keep(ctx context.Context, p *parking.Record) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: key(s.parkedKey(hash(p.Group)), place(p)), ConditionExpression: aws.String("attribute_exists(pk)"),
		UpdateExpression:         aws.String("SET #error = :error, #definition = :definition, behind = :behind, tries = :tries"),
		ExpressionAttributeNames: map[string]string{"#error": "error", "#definition": "definition"},
		ExpressionAttributeValues: row{
			":error": text(p.Error), ":definition": text(p.Definition), ":behind": &types.AttributeValueMemberBOOL{Value: p.Behind}, ":tries": number(p.Tries),
		},
	})
	var gone *types.ConditionalCheckFailedException
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

func (s *store) transact(ctx context.Context, items []types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	if err != nil {
		return fmt.Errorf("worker: state table %s: %w", s.name, err)
	}
	return nil
}
