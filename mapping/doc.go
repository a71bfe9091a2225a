// Package mapping turns change records into domain events, as definitions
// declare.
//
// docs/mapping.md is the language's specification.
//
//	record ─ guards ─ each ─ detail ─ contract ─ envelope ─▶ events
//	         on, entity, match, changed, added, removed, if
//
// # Invariants
//
//  1. Apply is pure: the same record and definitions give the same events, with
//     the same ids, byte for byte, whoever asks and however often.
//  2. An event's id is made of the stream, the record's sequence number, the
//     definition's name and the event's index among those that the definition
//     raises from the record. So it survives a change of the detail, and two
//     events never share one.
//  3. Values keep their exact form: numbers all their digits, binaries as
//     base64, sets as arrays in order.
//  4. An attribute that is absent is an error, unless the expression asks for it
//     by ?. An error raises no event of the record: whoever applies it parks it.
//  5. Explain says of each definition what Apply does with it.
//  6. What one record raises is bounded: MaxEvents events of a definition, and
//     MaxBytes of all, as Raised.Bytes counts them. A part of an event that has no
//     room left is not made.
package mapping
