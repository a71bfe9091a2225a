// Package streams reads the changes of a table from Amazon DynamoDB Streams, or
// from any server that speaks its protocol, and shares the work among workers.
//
// # Keys
//
// Everything durable is in one DynamoDB table, the state table, with the hash
// key pk and the range key sk, both strings:
//
//	streams#GROUP#TABLE   stream ARN -> since, follows, drained
//	lease#GROUP#ARN       shard id   -> leaseOwner, leaseCounter, checkpoint, reached, gaps, parents, begins, wantedBy, expires
//	readers#ARN           group      -> seenAt
//
// A group is what Kafka calls a consumer group: its workers share the shards of a
// stream, and groups do not disturb each other. A row of streams# is a stream that
// the group has begun to read, in the order of the ARNs, which is that of time. A
// row of lease# is the lease of a shard: its checkpoint is the sequence number of
// the last record that was processed, TRIM_HORIZON before the first, SHARD_END
// after the last.
//
// # Invariants
//
//  1. A checkpoint is the end of an unbroken run: each record up to it was
//     handed to the Handler, which returned nil, or was written before the
//     group's start, or was trimmed, which is counted and logged as a gap (P5).
//  2. A shard is handed over only after the rows of all its parents say
//     SHARD_END, in the state table. A parent that is neither listed nor
//     readable is done. So the changes of one item are in order (P4).
//  3. Each write to a lease is on condition that its owner and its counter are
//     those of the writer's last write, and raises the counter. A worker that
//     lost a lease, however late its write arrives, changes nothing.
//  4. No clock is shared. A lease is free for others when its counter did not
//     change for as long as Failover allows on the observer's own clock; its
//     owner stops earlier than that on its own.
//  5. A group that starts at Latest has one durable instant of start. All
//     shards are read from TRIM_HORIZON, and records of before are dropped; so
//     what is written after Prepare returned is not lost, whoever reads it.
//  6. A stream that was disabled is read to its end before the table's next.
//
// A Handler may see a record again, after a crash or when a lease moves, but
// the first sight of each record is in order.
//
// Source of the wire's rules: Amazon DynamoDB Streams API reference; the
// lease protocol follows that of the Kinesis Client Library.
package streams

import "errors"

// Errors of this package.
var (
	// ErrNoTable says that there is no such table; from Run, that it was deleted
	// and its stream was read to the end.
	ErrNoTable = errors.New("streams: the table does not exist")
	// ErrNoStream says that the table has no stream.
	ErrNoStream = errors.New("streams: the table has no stream")
	// ErrState says that the state table has other keys than pk and sk.
	ErrState = errors.New("streams: not a state table")
	// ErrStalled says that no shard made progress for Options.StallAfter.
	ErrStalled = errors.New("streams: nothing moves")
)
