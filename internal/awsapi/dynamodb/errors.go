package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

// mapError turns a domain error into DynamoDB's; nil is one that no request
// should meet, such as a damaged store.
func mapError(err error) *awsjson.Error {
	var (
		request   *table.ValidationError
		condition *failedCondition
		unmet     *table.ConditionError
		value     *item.Error
		shape     *item.SyntaxError
		parse     *expr.Error
		canceled  *table.CanceledError
		statement *partiql.Error
		noKey     *partiql.KeyError
	)
	switch {
	case errors.Is(err, table.ErrNotFound):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found"}
	case errors.Is(err, table.ErrIndexNotFound):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found: Index " + subject(err, table.ErrIndexNotFound)}
	case errors.Is(err, table.ErrTooManyIndexes):
		return &awsjson.Error{Type: "LimitExceededException", Message: fmt.Sprintf("Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of %d", table.MaxGlobalIndexes)}
	case errors.Is(err, table.ErrCollectionFull):
		return &awsjson.Error{Type: "ItemCollectionSizeLimitExceededException", Message: "Item collection size limit of 10 GB exceeded for a partition key of the table."}
	case errors.Is(err, table.ErrTokenReused):
		return &awsjson.Error{Type: "IdempotentParameterMismatchException", Message: "The request has the client token of another request, and other parameters"}
	case errors.As(err, &canceled):
		return canceledError(canceled)
	case errors.Is(err, table.ErrExists):
		return &awsjson.Error{Type: "ResourceInUseException", Message: "Table already exists: " + subject(err, table.ErrExists)}
	case errors.Is(err, table.ErrProtected):
		return awsjson.Validation("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	case errors.As(err, &condition):
		return condition.wire()
	case errors.As(err, &unmet):
		return (&failedCondition{}).wire()
	case errors.As(err, &request):
		return awsjson.Validation(request.Msg)
	case errors.As(err, &value), errors.As(err, &parse):
		return bareError(err)
	case errors.As(err, &statement):
		return awsjson.Validation(statement.Msg)
	case errors.As(err, &noKey):
		return awsjson.Validation(noKey.Msg)
	case errors.As(err, &shape):
		return &awsjson.Error{Type: "SerializationException", Message: shape.Msg}
	case errors.Is(err, kv.ErrDiskFull):
		// SDKs try again after a throttled request; nothing was written.
		return &awsjson.Error{Type: "ThrottlingException", Message: "The disk of this node is nearly full; writes are refused until space is free."}
	case errors.Is(err, kv.ErrClosed):
		return &awsjson.Error{Type: "InternalServerError", Status: http.StatusInternalServerError, Message: "The node is shutting down."}
	default:
		return nil
	}
}

// bareError returns the exception for an error of values or expressions that was
// found while an item was changed. It has no prefix (see the package comment).
func bareError(err error) *awsjson.Error {
	msg, _ := text(err)
	return awsjson.Validation(msg)
}

// subject returns the part of an error's text that follows its sentinel: the name
// that the error is about.
func subject(err, sentinel error) string {
	_, name, _ := strings.Cut(err.Error(), sentinel.Error()+": ")
	return name
}

// A failedCondition is a condition that did not hold, with the item if the caller
// asked for it by ReturnValuesOnConditionCheckFailure.
type failedCondition struct{ item item.Item }

func (*failedCondition) Error() string { return "the conditional request failed" }

func (e *failedCondition) wire() *awsjson.Error {
	out := &awsjson.Error{Type: "ConditionalCheckFailedException", Message: "The conditional request failed"}
	if e.item != nil {
		out.Fields = map[string]any{"Item": e.item}
	}
	return out
}
