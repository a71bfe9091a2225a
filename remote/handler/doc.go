// Package handler is the mapping inside AWS Lambda: the function of an event
// source mapping from DynamoDB Streams to EventBridge, and of an enrichment of
// EventBridge Pipes.
//
//	{"Records": [RECORD, …]} ─ map ─ publish ─▶ {"batchItemFailures": [{"itemIdentifier": SEQUENCE}]}
//	[RECORD, …]              ─ map ──────────▶ [EVENT, …]
//
// # Invariants
//
//  1. Each record before the first that the answer reports has all its events
//     accepted, or raises none. Lambda retries from the reported record on: events
//     may arrive twice, with equal ids, but none is lost (P5).
//  2. No event of a record is published before all of the earlier records of its
//     group; and nothing after a record that cannot be mapped (P4). Such a record
//     is left to the retries, the bisection and the on-failure destination of the
//     event source mapping. Without limits there it blocks its shard.
//  3. An answer comes before the deadline of the invocation, even if the bus does
//     not answer: what is not accepted by then is reported.
//
// Lambda ignores the answer for an event source mapping without
// ReportBatchItemFailures; Options.Fail is for those.
//
// Source of the forms: the Lambda developer guide, "Using AWS Lambda with Amazon
// DynamoDB", and the EventBridge user guide, "Pipes enrichment".
package handler

import "errors"

// ErrPayload means that an invocation's payload is neither an event of DynamoDB
// Streams nor a batch of a pipe.
var ErrPayload = errors.New("handler: the payload holds no records of DynamoDB Streams")

// ErrTable means that a record is from a table of which the file says nothing.
var ErrTable = errors.New("handler: the file says nothing of the table")
