package dynamodb

import (
	"errors"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// A requestFault is a mistake in the parameters of a request that belongs to
// the texts which DynamoDB prefixes in PutItem and UpdateItem.
type requestFault struct{ msg string }

func (e *requestFault) Error() string { return e.msg }

const (
	prefix      = "1 validation error detected: "
	invalidOnes = "One or more parameter values were invalid: "
	nullFalse   = "Null attribute value types must have the value of true"

	emptyExpression = "The expression can not be empty;"
)

// enveloped words an error of the stages 3 to 5 (see the package comment) as
// PutItem and UpdateItem do: complaints about sets, nulls, expressions and
// combinations of parameters are prefixed, those about types, numbers and empty
// expressions are not.
func enveloped(err error) error {
	msg, ok := text(err)
	switch {
	case !ok:
		return err
	case isItem(err) && !strings.HasPrefix(msg, invalidOnes) && !strings.HasPrefix(msg, badValue), strings.HasSuffix(msg, emptyExpression):
		return awsjson.Validation(msg)
	default:
		return awsjson.Validation(prefix + msg)
	}
}

// bare words an error of the same stages as all other operations do.
func bare(err error) error {
	if msg, ok := text(err); ok {
		return awsjson.Validation(msg)
	}
	return err
}

// text returns the message of an error of a request's values, expressions and
// parameters, without the prefix.
func text(err error) (string, bool) {
	if err == nil {
		return "", false
	}
	var (
		value *item.Error
		parse *expr.Error
		fault *requestFault
	)
	msg := ""
	switch {
	case errors.As(err, &value):
		msg = value.Msg
	case errors.As(err, &parse):
		msg = parse.Msg
	case errors.As(err, &fault):
		msg = fault.msg
	default:
		return "", false
	}
	return strings.TrimPrefix(msg, prefix), true
}

func isItem(err error) bool {
	var value *item.Error
	return errors.As(err, &value)
}
