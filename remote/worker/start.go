package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/streams"
)

// startOf says where a group that is new to a table begins: where the earliest
// of the definitions does.
func startOf(defs []mapping.Definition) streams.Start {
	for i := range defs {
		if defs[i].FromHorizon {
			return streams.TrimHorizon
		}
	}
	return streams.Latest
}

// readStarts reads from when on definitions raise events. It also returns the
// server's time; known is false if the group is new to the table.
func (t *tableWorker) readStarts(ctx context.Context) (now time.Time, known bool, err error) {
	out, err := t.store.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.store.name, Key: t.store.startKey(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return now, false, fmt.Errorf("worker: state table %s: %w", t.store.name, err)
	}
	now, ok := middleware.GetServerTime(out.ResultMetadata)
	if !ok {
		now = t.w.opts.Now()
	}
	all, known := out.Item["definitions"].(*types.AttributeValueMemberM)
	if !known {
		return now, false, nil
	}
	starts := make(map[string]time.Time, len(all.Value))
	for name, at := range all.Value {
		starts[name] = time.Time{}
		if second := numberOf(at); second > 0 {
			starts[name] = time.Unix(int64(second), 0)
		}
	}
	t.starts = starts
	return now, true, nil
}

// prepareStarts notes from when on the definitions raise events that the group
// does not know: from the first record that is read, or, if it has begun with
// the table, from now. The clock is the server's, as that of records is.
func (t *tableWorker) prepareStarts(ctx context.Context) error {
	now, known, err := t.readStarts(ctx)
	if err != nil {
		return err
	}
	if !known {
		if err := t.store.begin(ctx, t.firstStarts(now)); err != nil {
			return err
		}
		if _, _, err := t.readStarts(ctx); err != nil {
			return err
		}
	}
	for i := range t.defs {
		if _, ok := t.starts[t.defs[i].Name]; ok {
			continue
		}
		if err := t.store.addStart(ctx, t.defs[i].Name, now); err != nil {
			return err
		}
	}
	_, _, err = t.readStarts(ctx)
	return err
}

// firstStarts returns the starts of definitions that a new group has. If one of
// them begins at the oldest record, the others begin now.
func (t *tableWorker) firstStarts(now time.Time) row {
	out := row{}
	for i := range t.defs {
		out[t.defs[i].Name] = number(0)
		if !t.defs[i].FromHorizon && startOf(t.defs) == streams.TrimHorizon {
			out[t.defs[i].Name] = number(int(now.Unix()))
		}
	}
	return out
}

// begin notes the first starts, unless another worker did.
func (s *store) begin(ctx context.Context, starts row) error {
	r := s.startKey()
	r["definitions"] = &types.AttributeValueMemberM{Value: starts}
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: r, ConditionExpression: aws.String("attribute_not_exists(pk)")})
	var known *types.ConditionalCheckFailedException
	if errors.As(err, &known) {
		return nil
	}
	return err
}

// addStart notes the start of a definition, unless another worker did.
func (s *store) addStart(ctx context.Context, definition string, at time.Time) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: s.startKey(), UpdateExpression: aws.String("SET definitions.#d = if_not_exists(definitions.#d, :at)"),
		ExpressionAttributeNames: map[string]string{"#d": definition}, ExpressionAttributeValues: row{":at": number(int(at.Unix()))},
	})
	return err
}
