package dynamodb

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// attributes are an item or a key in a request. That a value is invalid is
// kept in err, an *item.Error, because other checks are reported before it.
type attributes struct {
	m   item.Map // nil if absent
	err error
}

// UnmarshalJSONFrom reads wire JSON; null is as absent.
func (a *attributes) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	depth := dec.StackDepth()
	a.m = item.Map{}
	a.err = nil
	var m item.Map
	err := m.UnmarshalJSONFrom(dec)
	var invalid *item.Error
	switch {
	case err == nil:
		a.m = m
		return nil
	case errors.As(err, &invalid):
		a.err = invalid
		return leave(dec, depth)
	default:
		return err
	}
}

// leave reads the rest of the objects and arrays that were begun since the
// decoder was at the depth.
func leave(dec *jsontext.Decoder, depth int) error {
	for dec.StackDepth() > depth {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// values are ExpressionAttributeValues. The first invalid value is kept in err.
type values struct {
	m   expr.Values // nil if absent
	err error
}

// size returns the sum of the sizes of the values.
func (v *values) size() int {
	n := 0
	for _, value := range v.m {
		n += value.Size()
	}
	return n
}

// badValue begins the error of an invalid value.
const badValue = "ExpressionAttributeValues contains invalid value: "

// UnmarshalJSONFrom reads wire JSON; null is as absent.
func (v *values) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	if dec.PeekKind() != '{' {
		var m item.Map
		return m.UnmarshalJSONFrom(dec) // says what is wrong
	}
	depth := dec.StackDepth()
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	v.m = expr.Values{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		var value item.Value
		if err := value.UnmarshalJSONFrom(dec); err != nil {
			var invalid *item.Error
			if !errors.As(err, &invalid) {
				return err
			}
			v.err = errValue(invalid, key)
			return leave(dec, depth)
		}
		v.m[key] = value
	}
	_, err := dec.ReadToken()
	return err
}

func hasPrefix(msg string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(msg, p) })
}

// errValue returns the error that the value of a key is invalid.
func errValue(e *item.Error, key string) error {
	msg := strings.TrimPrefix(e.Msg, prefix)
	if msg == invalidOnes+nullFalse || hasPrefix(msg, tooDeep, "Empty attribute name", "Attribute name is too large") {
		return e
	}
	out := &item.Error{Msg: badValue + msg + " for key " + key}
	if e.Enveloped != "" {
		out.Enveloped = badValue + strings.TrimPrefix(e.Enveloped, prefix) + " for key " + key
	}
	return out
}
