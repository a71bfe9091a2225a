// Package history holds the tests that cross every hop: random users of a whole
// node against a pure model, concurrent clients whose answers Porcupine must
// explain, simulated power loss at every operation of the file system, the real
// binary killed in the middle of its work, and builds with a planted bug that a
// test must catch.
//
// What is checked after each crash, by promise:
//
//   - P1, P2: each acknowledged user is in the table, whole; each user in the
//     table was sent by a writer; the change log holds one record per user.
//   - P3, P4: the records of a shard have rising sequence numbers.
//   - P5: each record raised one event, and no event has no record. A replay sends
//     each event of its window once, and none besides, though it is killed in
//     between.
//   - P6: for each rule, matched = delivered + dead-lettered + dropped + pending.
package history
