// Package item holds attribute values and items as DynamoDB defines them: their
// types, equality, order and sizes, and three encodings.
//
//   - Wire JSON, {"id":{"S":"u1"}}: what AWS SDKs send and expect.
//   - Plain JSON, {"id":"u1"}: what events carry.
//   - Binary: what the store keeps.
//
// Values are immutable: nothing changes a Value or a Map after it was made, so
// goroutines may share them. Programs that embed a node use this package for the
// items they write and for the images in change records.
//
// # Binary form
//
//	map    = count, { length, name, value } in order of names
//	value  = kind (1 byte), then by kind
//	         S, N, B: length, bytes (N is the canonical decimal text)
//	         BOOL: 1 byte; NULL: nothing
//	         M: map; L, SS, NS, BS: count, { value without kind for sets }
//
// Counts and lengths are unsigned varints.
//
// # Key form
//
// A key attribute is encoded so that encoded values sort as the values do, and so
// that several may follow one another: strings and binaries escaped and
// terminated as package internal/tuple has it, numbers as sign, exponent, digits.
//
// Source of limits and sizes: Amazon DynamoDB developer guide, "Constraints"
// and "Item sizes and formats".
package item
