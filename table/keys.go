package table

import "github.com/tablecast/tablecast/item"

// Limits of key attributes, in bytes.
const (
	maxHashKey  = 2048
	maxRangeKey = 1024
)

const wrongKey = "The provided key element does not match the schema"

// checkItem checks an item that is to be stored, and returns its key.
func (t *tableState) checkItem(now image) (item.Item, error) {
	it := now.item
	for _, a := range t.schema.Attrs() {
		v, ok := it.Get(a.Name)
		if !ok {
			return nil, invalid("One or more parameter values were invalid: Missing the key %s in the item", a.Name)
		}
		if v.Kind() != a.Kind {
			return nil, invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", a.Name, a.Kind, v.Kind())
		}
	}
	key := t.schema.Project(it)
	if err := t.checkSizes(key); err != nil {
		return nil, err
	}
	if now.size > item.MaxSize {
		return nil, invalid("Item size has exceeded the maximum allowed size")
	}
	return key, item.Check(it)
}

// checkKey checks a key that a request gives by itself.
func (t *tableState) checkKey(key item.Item) error {
	attrs := t.schema.Attrs()
	if len(key) != len(attrs) {
		return invalid(wrongKey)
	}
	for _, a := range attrs {
		if v, ok := key.Get(a.Name); !ok || v.Kind() != a.Kind {
			return invalid(wrongKey)
		}
	}
	return t.checkSizes(key)
}

// checkSizes checks that no key attribute is empty or too long.
func (t *tableState) checkSizes(key item.Item) error {
	for i, a := range t.schema.Attrs() {
		v, _ := key.Get(a.Name)
		if v.Kind() != item.Number && v.Str() == "" {
			return emptyKey("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kindName(v), a.Name)
		}
		if i == 0 && len(v.Str()) > maxHashKey {
			return invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
		}
		if i == 1 && len(v.Str()) > maxRangeKey {
			return invalid("One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
		}
	}
	return nil
}
