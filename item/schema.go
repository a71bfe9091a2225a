package item

// A KeyAttr is a key attribute: its name, and its kind String, Number or
// Binary.
type KeyAttr struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// A KeySchema says which attributes identify an item: the partition key Hash
// and, unless its name is empty, the sort key Range.
type KeySchema struct {
	Hash  KeyAttr `json:"hash"`
	Range KeyAttr `json:"range,omitzero"`
}

// HasRange reports whether there is a sort key.
func (k KeySchema) HasRange() bool { return k.Range.Name != "" }

// Attrs returns the key attributes in order.
func (k KeySchema) Attrs() []KeyAttr {
	if k.HasRange() {
		return []KeyAttr{k.Hash, k.Range}
	}
	return []KeyAttr{k.Hash}
}

// Project returns the key attributes of an item.
func (k KeySchema) Project(m Item) Item {
	fields := make([]Field, 0, 2)
	for _, a := range k.Attrs() {
		if v, ok := m.Get(a.Name); ok {
			fields = append(fields, Field{a.Name, v})
		}
	}
	return MapOf(fields...)
}
