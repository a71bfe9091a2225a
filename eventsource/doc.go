// Package eventsource feeds functions from streams: event source mappings as
// AWS Lambda runs them, and beyond that ways to fail that harm one item only.
//
//	stream ─▶ shard ─▶ filter ─▶ lanes by item ─▶ batch ─▶ function
//	                                                 └─▶ retried, split, parked, sent to the destination, dropped
//
// # Keys
//
//	'v' 0 uuid              -> mapping (JSON)
//	'v' 1 uuid shard-number -> checkpoint (JSON): position, counts, tumbling window
//	'v' 1 uuid 2^64-1       -> counts of what was redriven and dropped (JSON)
//	'v' 2 uuid item seq     -> parked record (JSON, see package parking)
//
// item is the item's key as DynamoDB's JSON, seq the record's sequence number.
//
// # Invariants
//
//  1. A checkpoint passes a record only in the batch that parks it, makes it a
//     dead letter or counts it as skipped, or after the function or the
//     destination took it, and never before all records below it (P5). So each
//     record is handed over at least once.
//  2. Records of one item are handed over one after the other, in order, at any
//     ParallelizationFactor: they are in one lane, and a lane has one batch at a
//     time. A shard is not read before its parent was done with.
//  3. While a record of an item is parked, later ones of the item are parked
//     behind it; all else flows on (P8). Parked so far = redriven + dropped +
//     parked now.
//  4. The start of a mapping is durable when Create returns: LATEST misses no
//     write that is made after.
//  5. A function that cannot be reached or started takes no attempt away; the
//     mapping waits and says so.
//  6. Of a shard at most readAhead records and readBytes are in memory.
//  7. A shard that has nothing to read waits for the stream's push, without
//     polling.
//  8. A checkpoint never goes back, and lanes wait for their syncs beside each
//     other; see shard.apply.
//  9. Damage halts the shard where it is: nothing is passed, what was read before
//     is handed over, the other shards and mappings go on, and Halted tells (P7, P8).
package eventsource

import "errors"

// Errors of this package.
var (
	// ErrNotFound says that there is no such mapping.
	ErrNotFound = errors.New("eventsource: no such mapping")
	// ErrNoStream says that there is no such stream.
	ErrNoStream = errors.New("eventsource: no such stream")
	// ErrNoFunction says that there is no such function.
	ErrNoFunction = errors.New("eventsource: no such function")
	// ErrFilter says that a filter is no pattern.
	ErrFilter = errors.New("eventsource: malformed filter")
	// ErrBusy says that the mapping is being changed.
	ErrBusy = errors.New("eventsource: mapping is being changed")
	// ErrTooManyTags says that a mapping would have more than 50 tags.
	ErrTooManyTags = errors.New("eventsource: too many tags")
)

// An ExistsError says that the function is fed from the stream already.
type ExistsError struct{ UUID, Stream, Function string }

// Error names the mapping.
func (e *ExistsError) Error() string {
	return "eventsource: " + e.Stream + " and " + e.Function + " are mapped by " + e.UUID
}
