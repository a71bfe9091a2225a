// Package delivery holds the durable queue of each target: it delivers events,
// retries with backoff, keeps the events of a group in order, and writes dead
// letters. A queue belongs to one (bus, rule, target).
//
// # Keys
//
//	'd' 'r' (bus, rule, target, seq)         -> row, an event that is pending: attempts, age, last error
//	'd' 'w' (bus, rule, target, due, seq)    -> empty: the row waits until due
//	'd' 'g' (bus, rule, target, group, seq)  -> empty: the row is in the group
//	'x'     (bus, rule, target, seq)         -> dead letter: why, and the event
//	'n'     (bus, rule, target)              -> matched, delivered, dead-lettered, dropped
//
// seq is the number under which the bus stored the event, due nanoseconds since
// 1970. A row that was never attempted has no 'w' key; only rows of ordered
// queues have a 'g' key. The event itself is stored once, by the bus; only a dead
// letter has a copy.
//
// # Invariants
//
//  1. Matched = delivered + dead-lettered + dropped + pending, where pending is
//     the number of rows (P6). The counters are changed under the commit lock
//     and written as absolute values in the batch that changes the rows. A
//     dead letter that Redrive made a row again counts as pending again.
//  2. No event is attempted before its row is durable (P2). What an attempt changed
//     is durable before the row is attempted again or the next row of its group
//     is attempted.
//  3. Whatever its backlog, a queue holds in memory at most two pages of rows, two
//     more of expired rows, and as many attempts as its concurrency allows. Its
//     goroutines end when they have had no attempt for idleTime. All queues
//     together hold at most resultBuffer + settleLimit transitions that are not
//     durable so far. Queues share nothing but the store and the settler (P8).
//  4. Attempts, age and due time survive a restart. An attempt that a shutdown
//     cancelled is not counted.
//  5. Of one group in an ordered queue only the row with the lowest seq is
//     attempted. Other groups do not wait for it. What Redrive brings back is in
//     no group.
//  6. A row ends as delivered, as a dead letter, or dropped with its target; each
//     is one batch together with the counters.
//  7. An event at which two processes ended while they made its input is a dead
//     letter of the third; see package attempt.
//
// # Failing targets
//
// After 10 failures in a row a queue's circuit breaker opens: it makes no calls but
// single probes, with pauses that grow from a second to a minute, until one
// succeeds. Rows wait in the store meanwhile, and one that is past its maximal age
// becomes a dead letter within a minute, without another attempt. A rate limit
// delays calls in the same way; a row ages meanwhile.
//
// # Time
//
// Age is the time that a row was pending while a process ran, measured by the
// monotonic clock; downtime adds nothing. A row expires only after an attempt that
// failed at or past its maximal age, or while the breaker is open, so no jump of a
// wall clock and no restart expires anything. Due times come from the wall clock at
// Open, advanced by the monotonic clock; one that is further ahead than any pause
// can be was written while the clock was ahead, and counts as due.
package delivery
