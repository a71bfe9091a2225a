package dynamodb

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

// A notFound names the table that a request could not find, in the words that
// belong to its operation.
type notFound struct{ msg string }

func (e *notFound) Error() string { return e.msg }

// mapError turns a domain error into DynamoDB's.
func mapError(err error) *awsjson.Error {
	var (
		missing   *notFound
		request   *table.ValidationError
		value     *item.Error
		shape     *item.SyntaxError
		parse     *expr.Error
		condition *failedCondition
	)
	switch {
	case errors.As(err, &missing):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: missing.msg}
	case errors.Is(err, table.ErrNotFound):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found"}
	case errors.Is(err, table.ErrExists):
		return &awsjson.Error{Type: "ResourceInUseException", Message: "Table already exists: " + after(err)}
	case errors.Is(err, table.ErrProtected):
		return invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	case errors.As(err, &condition):
		return condition.wire()
	case errors.As(err, &request):
		return invalid(request.Msg)
	case errors.As(err, &value):
		return invalid(value.Msg)
	case errors.As(err, &parse):
		return invalid(parse.Msg)
	case errors.As(err, &shape):
		return &awsjson.Error{Type: "SerializationException", Message: shape.Msg}
	case errors.Is(err, kv.ErrDiskFull):
		// SDKs try again after a throttled request; nothing was written.
		return &awsjson.Error{Type: "ThrottlingException", Message: "The disk of this node is nearly full; writes are refused until space is free."}
	case errors.Is(err, kv.ErrClosed):
		return &awsjson.Error{Type: "InternalServerError", Status: http.StatusInternalServerError, Message: "The node is shutting down."}
	}
	return nil
}

func invalid(msg string) *awsjson.Error { return awsjson.Validation(msg) }

// after returns what an error says behind its sentinel.
func after(err error) string {
	_, name, _ := strings.Cut(err.Error(), ": ")
	_, name, _ = strings.Cut(name, ": ")
	return name
}

// A failedCondition carries the item that the caller asked for.
type failedCondition struct{ item item.Item }

func (*failedCondition) Error() string { return "the conditional request failed" }

func (e *failedCondition) wire() *awsjson.Error {
	out := &awsjson.Error{Type: "ConditionalCheckFailedException", Message: "The conditional request failed"}
	if e.item != nil {
		out.Fields = map[string]any{"Item": e.item}
	}
	return out
}
