// Package worker carries the changes of tables elsewhere to buses elsewhere: it
// maps the records that a reader hands over, publishes their events, and parks
// what cannot be published.
//
//	records ─ map ─ hold back ─ publish ─▶ bus
//	           │        │          │
//	           └────────┴──────────┴─▶ parked, in the state table
//
// # Keys
//
// Its rows in the state table, which has the hash key pk and the range key sk:
//
//	held#GROUP#TABLE          HASH           -> n, item
//	parked#GROUP#TABLE#HASH   LABEL#NUMBER   -> parts, body, error, definition, behind, version, parkedAt, tries
//	parked#GROUP#TABLE#HASH   LABEL#NUMBER#P -> body
//	start#GROUP#TABLE         -              -> definitions: from when on each raises events
//
// GROUP is the consumer's name, HASH the beginning of the SHA-256 of an item's
// key, LABEL that of the stream and NUMBER the record's sequence number in 40
// digits, so that an item's rows are in the order of its changes. body is the
// whole record as package parking encodes it, compressed, in parts of at most 380
// KB, P counting from 1; what a redrive changes stands beside it in the first row.
//
// # Invariants
//
//  1. Handle returns nil once each record raised nothing, or all its events were
//     accepted, or it is parked whole (P5).
//  2. held#.n is the number of an item's records: each transaction that adds or
//     removes one changes it too, and the row of held# goes with the last record. A
//     record whose item is held, and that raises something, is parked behind, on
//     condition that the item is still held; so changes of an item reach the bus in
//     order, and other items do not wait (P4, P8).
//  3. A parked record leaves after its events were accepted, as the first of its
//     item, or because an operator dropped it.
//  4. Two workers that handle one record, since a lease moved, publish events
//     with equal ids, and park it once.
//  5. A definition that was added later raises events of the changes since then.
package worker
