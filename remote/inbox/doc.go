// Package inbox makes a consumer of events idempotent: events are delivered at least
// once, and the consumer acts once on each. It records the ids of events that were
// processed in a table of DynamoDB, or of any server that speaks its protocol. The id
// is the one that the mapping gives an event: detail.metadata.eventId.
//
// An id has one item:
//
//	{id: ID, state: "busy", holder: TOKEN, lease: MILLISECONDS}    a call processes it
//	{id: ID, state: "done", holder: TOKEN, expires: SECONDS}        it was processed
//
// # Invariants
//
//  1. Of the calls of Once with one id, at most one at a time runs its function,
//     as long as that ends within the lease: the item is taken by a conditional
//     write, and its context ends with the lease.
//  2. Once returns nil only if the function has returned nil, in this call or in an
//     earlier one, or has committed Done, and the table says so. So a message that
//     is acknowledged after nil is never lost.
//  3. After nil the function is not run again for the id until the item expires.
//  4. A function that failed is run again by the next call. One whose process
//     died, or whose result could not be written, is run again by the first call
//     after the lease.
//
// By 4 a function can run twice: when its process dies between the function's
// last effect and the item's last write. Effects in DynamoDB can be freed of
// that, too: Inbox.Done returns the write that belongs into their own
// transaction.
//
// The lease is measured by the clocks of the consumers: those may differ by much
// less than a lease.
package inbox
