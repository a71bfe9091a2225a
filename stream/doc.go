// Package stream holds the change records of tables: written inside the
// table's commit, ordered by the store's sequence numbers, read from any
// position until they are trimmed.
//
// # Keys
//
//	's' 0                     -> next stream id (8 bytes)
//	's' stream id             -> descriptor (JSON): table, label, view, shards
//	'r' stream id, shard, seq -> record (binary)
//
// A stream belongs to one table, from the moment it is enabled until it is
// disabled; a table whose stream is enabled again has a new one. Its records are
// spread over the open shards by the hash of the partition key. A shard that has
// been open for long enough is rotated: it is closed, and one child takes its
// place. A shard that takes too many records is split: two children divide its
// keys. So the changes of one item are in one shard and its descendants, in
// order. A record's sequence number is its number in the store, so a position is
// one integer, whether one shard is read or all.
//
// # Invariants
//
//  1. A record is in the batch of the change it records (P1).
//  2. Its sequence number is given inside that commit, and readers see no record
//     above the store's Durable. So a reader that has passed position n never
//     finds a new record at or below n, and never a record that a power loss
//     undoes (P2, P3).
//  3. Records of one item are in one open shard at a time, in commit order, and
//     all numbers of a shard are above those of its parent (P4).
//  4. Records are removed from the oldest on, by age. A reader that asks for a
//     removed position gets ErrTrimmed.
//
// # Record
//
//	operation (1 byte), flags (1 byte: 1 expired, 2 new image, 4 old image, 8 trace),
//	time in milliseconds (8 bytes), size (uvarint), then each present image,
//	or the keys if there is none, as length and binary item
//
// Source of the wire's rules: Amazon DynamoDB Streams API reference.
package stream

import "errors"

// Errors of this package.
var (
	// ErrNotFound says that there is no such stream or shard.
	ErrNotFound = errors.New("stream: not found")
	// ErrTrimmed says that records at the requested position were removed.
	ErrTrimmed = errors.New("stream: position was trimmed")
	// ErrExpired says that an iterator is older than IteratorLife.
	ErrExpired = errors.New("stream: iterator expired")
	// ErrIterator says that a text is not an iterator that this node gave out.
	ErrIterator = errors.New("stream: malformed iterator")
)
