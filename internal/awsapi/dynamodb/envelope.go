package dynamodb

import (
	"errors"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// A requestFault is a mistake in the parameters of a request that belongs to
// the texts which DynamoDB prefixes in PutItem, UpdateItem and DeleteItem.
// enveloped is how those word it, if they do so in another way.
type requestFault struct{ msg, enveloped string }

func (e *requestFault) Error() string { return e.msg }

const (
	prefix      = "1 validation error detected: "
	invalidOnes = "One or more parameter values were invalid: "
	nullFalse   = "Null attribute value types must have the value of true"
	tooDeep     = "Nesting Levels have exceeded supported limits: "
)

// enveloped returns an error of the stages 3 to 5 (see the package comment) in the
// words of PutItem, UpdateItem and DeleteItem: errors about sets, nulls, nesting,
// expressions and combinations of parameters have the prefix, those about types
// and numbers do not.
func enveloped(err error) error {
	msg, ok := text(err)
	if !ok {
		return err
	}
	var (
		value *item.Error
		fault *requestFault
	)
	isValue := errors.As(err, &value)
	switch {
	case isValue && value.Enveloped != "":
		msg = strings.TrimPrefix(value.Enveloped, prefix)
	case isValue && !hasPrefix(msg, invalidOnes, badValue, tooDeep, "Input collection contains duplicates"):
		return awsjson.Validation(msg)
	case errors.As(err, &fault) && fault.enveloped != "":
		msg = fault.enveloped
	}
	return awsjson.Validation(prefix + msg)
}

// bare returns an error of the same stages in the words of all other operations.
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
