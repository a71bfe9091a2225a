package bus

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// selectPath returns the JSON value that a path like $.detail.items[0] leads
// to.
func selectPath(doc []byte, path string) ([]byte, error) {
	if !validPath(path) {
		return nil, fmt.Errorf("bus: %q is not a path", path)
	}
	value := jsontext.Value(doc)
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "$."), ".") {
		name, indexes, _ := strings.Cut(part, "[")
		var ok bool
		if value, ok = member(value, name); !ok {
			return nil, fmt.Errorf("bus: nothing at %s", path)
		}
		for index := range strings.SplitSeq(strings.TrimSuffix(indexes, "]"), "][") {
			if index == "" {
				continue
			}
			n, err := strconv.Atoi(index)
			if err != nil {
				return nil, fmt.Errorf("bus: %q is not a path", path)
			}
			if value, ok = element(value, n); !ok {
				return nil, fmt.Errorf("bus: nothing at %s", path)
			}
		}
	}
	return value, nil
}

// member returns the member of an object.
func member(doc jsontext.Value, name string) (jsontext.Value, bool) {
	return child(doc, '{', func(key string, _ int) bool { return key == name })
}

// element returns the element of an array.
func element(doc jsontext.Value, n int) (jsontext.Value, bool) {
	return child(doc, '[', func(_ string, i int) bool { return i == n })
}

// child returns the first value in an object or array that want accepts.
func child(doc jsontext.Value, kind jsontext.Kind, want func(key string, i int) bool) (jsontext.Value, bool) {
	if doc.Kind() != kind {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewReader(doc), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	for i := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; i++ {
		key := ""
		if kind == '{' {
			tok, err := dec.ReadToken()
			if err != nil {
				return nil, false
			}
			key = tok.String()
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		if want(key, i) {
			return value.Clone(), true
		}
	}
	return nil, false
}
