// Package parking keeps what is set aside: records of a stream that a loop could
// not deal with, and the later records of the same items, which wait behind them
// so that each item keeps its order.
//
//	decide ─▶ Park ─▶ Record ─▶ Store ─▶ Redrive ─▶ raised again, or parked still
//	                              └────▶ Drop ────▶ given up; what waited behind is raised
//
// Three loops read streams: relay (to the buses of a node), eventsource (to
// functions) and remote/worker (to buses elsewhere). Their effects and positions
// differ, so they stay three. What they decide about a failure, the record that
// they park, how an operator selects records, and how records are redriven and
// dropped is here, once.
//
// # Keys
//
// The package stores nothing itself. Each loop has a Store, whose package comment
// draws its keys:
//
//	relay          'p' table, seq, n              -> Record, by Encode
//	eventsource    'v' 2 uuid, item, seq          -> Record, by Encode
//	remote/worker  parked#GROUP#TABLE#HASH, ...   -> Record, by Encode, compressed, in parts
//
// # Invariants
//
//  1. A record is parked whole, with the reason, in the transaction that lets the
//     loop's position pass it (P5).
//  2. While a record of an item is parked, the later ones of the item that raise
//     anything are parked behind it; all other items go on (P4, P8).
//  3. A record leaves in the transaction that makes its effect durable, or after
//     its effect was accepted, or because an operator dropped it.
//  4. Of one item, no record leaves by Redrive before those parked ahead of it.
//  5. A record that waited behind and has become the first of its item waits for
//     nothing: the next Redrive of any selection raises it.
package parking
