// Package relay carries change records from a table's streams to the buses: it
// reads on from its cursor, maps, hands on, and only then advances.
//
// # Keys
//
//	'c' table             -> cursor of the table's relay (JSON)
//	'p' table, label, seq -> parked record (JSON): why, and the change
//
// label is the stream's, seq the record's sequence number.
//
// # Invariants
//
//  1. Hand over, record, then advance: the events of a page, its parked records
//     and the cursor past it are one batch (P5).
//  2. A definition takes part from its own start on: the end of the stream when
//     the relay first met it, or the oldest record. The start is durable before
//     the node takes writes, so no write made meanwhile is missed.
//  3. A record that cannot be mapped, or whose events the sink rejects, is
//     parked with its full payload and counted; the records after it go on (P8).
//  4. The cursor moves back only in Prepare, for a definition that starts at the
//     oldest record, and then no other takes part before it has caught up.
//  5. The streams of a table are read one after the other, each to its end.
//  6. A gap, records that were trimmed before they were read, is logged and
//     counted.
//  7. At most one page of records is in memory: pageRecords, or about pageBytes.
package relay
