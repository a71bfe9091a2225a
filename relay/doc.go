// Package relay carries change records from a table's streams to the buses: it
// reads on from its cursor, maps, hands on, and only then advances.
//
// # Keys
//
//	'c' table                    -> cursor of the table's relay (JSON)
//	'p' table, seq, n            -> parked record (JSON, see package parking)
//	'q' table, group             -> how many records of an item are parked (8 bytes)
//	'o' table, seq, n            -> item of an outbox that is to be deleted (JSON)
//	'l' table, definition        -> backfill (JSON): how far it has come
//	'y' version                  -> source of a version of the mapping
//
// seq is the record's sequence number; n is 0, or counts the items of a
// backfill from 1. A group is the text by which mapping.Group names an item.
//
// # Invariants
//
//  1. Hand over, record, then advance: the events of a page, its parked records
//     and the cursor past it are one batch (P5).
//  2. A definition takes part from its own start on: the end of the stream when
//     the relay first met it, or the oldest record. The start is durable before
//     the node takes writes, so no write made meanwhile is missed.
//  3. A record that cannot be mapped, or whose events the sink rejects, is
//     parked with its full payload and counted. Later records of the same item
//     that raise events are parked behind it; those of other items go on (P4,
//     P8).
//  4. Parked records of an item leave in their order, each in one batch with its
//     events. Parked so far = redriven + dropped + parked now.
//     One that cannot be read stays until it is dropped; items of which more are
//     counted than can be read wait behind it.
//  5. The cursor moves back only in Prepare, for a definition that starts at the
//     oldest record, and then no other takes part before it has caught up.
//  6. The streams of a table are read one after the other, each to its end.
//  7. A gap, records that were trimmed before they were read, is logged and
//     counted.
//  8. At most one page of records is in memory: pageRecords, or about pageBytes. Of
//     what it raises, a batch has raisedBytes and the events of one more record.
//  9. A backfill raises the events of items as they are after commit S, after all
//     events of changes up to S and before any later one: it never shows an older
//     state after a newer one, and misses none.
//  10. The version of the mapping by which a record was parked is kept as long as
//     the record is.
//  11. All of this is done by the goroutine of Run, one thing after the other:
//     pages of changes, pages of a backfill, steps of a redrive. So what it reads
//     of cursor and parked records holds until it commits. Who wants something
//     done asks it.
//  12. Damage ends Run where it is, after what was read before it was handed on:
//     nothing is passed, and other relays go on (P7, P8). The node is not ready
//     from then on.
//  13. A record at which two processes ended while they mapped it is parked by the
//     third (P8); see package attempt.
package relay
