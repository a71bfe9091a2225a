package item

import (
	"errors"

	"github.com/go-json-experiment/json"
)

// ErrKeyText says that a text is not the key of an item.
var ErrKeyText = errors.New(`a key is an object of the key attributes, as in {"id":"u1"} or {"id":{"S":"u1"}}`)

// ParseKey reads the key of an item as people write it: an object in plain JSON, or
// in DynamoDB's JSON, which can also express binaries. Each attribute must be a
// string, a number or a binary. Errors: ErrKeyText.
func ParseKey(text []byte) (Item, error) {
	v, err := FromPlainJSON(text)
	if err != nil || v.Kind() != MapKind || len(v.Map()) == 0 {
		return nil, ErrKeyText
	}
	key := v.Map()
	if key[0].Value.Kind() == MapKind { // DynamoDB's JSON: in plain JSON no key attribute is an object
		key = nil
		if err := json.Unmarshal(text, &key); err != nil {
			return nil, ErrKeyText
		}
	}
	for _, f := range key {
		if k := f.Value.Kind(); k != String && k != Number && k != Binary {
			return nil, ErrKeyText
		}
	}
	return key, nil
}
