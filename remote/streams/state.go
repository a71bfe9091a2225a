package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/internal/wait"
)

// A StateMaker makes state tables; a *dynamodb.Client is one.
type StateMaker interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
}

// EnsureState makes the state table, with on-demand capacity and the time to
// live in the attribute expires, if it does not exist, and returns once it is
// active. Errors: ErrState for a table with other keys, and those of the server.
func EnsureState(ctx context.Context, db StateMaker, name string) error {
	made := false
	for {
		out, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		var none *types.ResourceNotFoundException
		switch {
		case errors.As(err, &none) && !made:
			if err := createState(ctx, db, name); err != nil {
				return err
			}
			made = true
			continue
		case errors.As(err, &none): // not everywhere yet
		case err != nil:
			return fmt.Errorf("streams: state table %s: %w", name, err)
		case out.Table.TableStatus == types.TableStatusActive || out.Table.TableStatus == types.TableStatusUpdating:
			if err := checkState(out.Table); err != nil || !made {
				return err
			}
			return expire(ctx, db, name)
		}
		if err := wait.Sleep(ctx, wait.Jitter(time.Second)); err != nil {
			return err
		}
	}
}

func createState(ctx context.Context, db StateMaker, name string) error {
	_, err := db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
	})
	var another *types.ResourceInUseException
	if err == nil || errors.As(err, &another) { // another worker was first
		return nil
	}
	return fmt.Errorf("streams: state table %s: %w", name, err)
}

// checkState refuses a table that has other keys.
func checkState(t *types.TableDescription) error {
	kinds := map[string]types.ScalarAttributeType{}
	for _, a := range t.AttributeDefinitions {
		kinds[aws.ToString(a.AttributeName)] = a.AttributeType
	}
	ok := len(t.KeySchema) == 2
	for i, want := range []string{"pk", "sk"} {
		ok = ok && aws.ToString(t.KeySchema[i].AttributeName) == want && kinds[want] == types.ScalarAttributeTypeS
	}
	if !ok {
		return fmt.Errorf("%w: %s has other keys than the strings pk and sk", ErrState, aws.ToString(t.TableName))
	}
	return nil
}

// expire lets the rows of shards that ended long ago go.
func expire(ctx context.Context, db StateMaker, name string) error {
	_, err := db.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	})
	if err != nil && faultOf(err) != refused { // another worker was first
		return fmt.Errorf("streams: time to live of state table %s: %w", name, err)
	}
	return nil
}
