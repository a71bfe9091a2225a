package item

import "slices"

// MaxKeyParts is how many partition attributes, and how many sort attributes, the
// key of a global secondary index may have.
const MaxKeyParts = 4

// A KeyAttr is a key attribute: its name, and its kind String, Number or
// Binary.
type KeyAttr struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// A KeySchema says which attributes are the key of a table or of an index: the
// partition key Hash and, unless its name is empty, the sort key Range. A global
// secondary index may have more of both: its partition key is then Hash followed by
// MoreHash, and its sort key Range followed by MoreRange, of up to MaxKeyParts
// attributes each. MoreHash and MoreRange are nil in tables and local indexes.
type KeySchema struct {
	Hash      KeyAttr   `json:"hash"`
	Range     KeyAttr   `json:"range,omitzero"`
	MoreHash  []KeyAttr `json:"moreHash,omitzero"`
	MoreRange []KeyAttr `json:"moreRange,omitzero"`
}

// NewKeySchema returns the schema of a key with these partition attributes, at least
// one, and sort attributes.
func NewKeySchema(hash, sort []KeyAttr) KeySchema {
	k := KeySchema{Hash: hash[0]}
	if len(hash) > 1 {
		k.MoreHash = hash[1:]
	}
	if len(sort) > 0 {
		k.Range = sort[0]
	}
	if len(sort) > 1 {
		k.MoreRange = sort[1:]
	}
	return k
}

// HasRange reports whether there is a sort key.
func (k KeySchema) HasRange() bool { return k.Range.Name != "" }

// Multi reports whether the partition key or the sort key has more than one
// attribute.
func (k KeySchema) Multi() bool { return len(k.MoreHash)+len(k.MoreRange) > 0 }

// Hashes returns how many partition attributes there are. They come first in Attrs.
func (k KeySchema) Hashes() int { return 1 + len(k.MoreHash) }

// Attrs returns the key attributes in order.
func (k KeySchema) Attrs() []KeyAttr {
	switch {
	case k.Multi():
		return k.all()
	case k.HasRange():
		return []KeyAttr{k.Hash, k.Range}
	default:
		return []KeyAttr{k.Hash}
	}
}

func (k KeySchema) all() []KeyAttr {
	out := append([]KeyAttr{k.Hash}, k.MoreHash...)
	if k.HasRange() {
		out = append(append(out, k.Range), k.MoreRange...)
	}
	return out
}

// Equal reports whether both keys have the same attributes in the same roles.
func (k KeySchema) Equal(o KeySchema) bool {
	return k.Hash == o.Hash && k.Range == o.Range && slices.Equal(k.MoreHash, o.MoreHash) && slices.Equal(k.MoreRange, o.MoreRange)
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
