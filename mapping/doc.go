// Package mapping turns change records into domain events, as definitions
// declare.
//
// docs/mapping.md is the language's specification.
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
//  4. What a path leads to may be absent, never an error: a member or element
//     that is one absent value is left out.
package mapping
