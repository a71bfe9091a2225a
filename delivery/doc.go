// Package delivery is the durable queue of each target: it hands events over,
// attempts again with growing pauses, keeps groups in order, and writes dead
// letters. A queue belongs to one (bus, rule, target).
//
// # Keys
//
//	'd' 'r' (bus, rule, target, seq)         -> row: attempts, age, last error
//	'd' 'w' (bus, rule, target, due, seq)    -> empty: the row waits until due
//	'd' 'g' (bus, rule, target, group, seq)  -> empty: the row stands in a group
//	'x'     (bus, rule, target, seq)         -> dead letter: why, and the event
//	'n'     (bus, rule, target)              -> matched, delivered, dead-lettered, dropped
//
// seq is the number under which the bus stored the event, due nanoseconds since
// 1970. A row that was never attempted has no 'w' key; only rows of ordered
// queues have a 'g' key. The event itself is not copied until it is dead.
//
// # Invariants
//
//  1. Matched = delivered + dead-lettered + dropped + pending, where pending is
//     the number of rows (P6). The counters are changed under the commit lock
//     and written as absolute values in the batch that changes the rows. A
//     dead letter that Redrive made a row again counts as pending again.
//  2. No event is attempted before its row is durable (P2). The outcome of an
//     attempt is durable before the row is attempted again or its successor in
//     the group is attempted.
//  3. A queue holds in memory at most two pages of rows, two more of those that
//     it gives up, and its concurrency in calls, whatever its backlog, and as
//     many goroutines for idleTime after; all queues together, resultBuffer and
//     settleLimit outcomes on their way to the disk. Queues share nothing but the
//     store and that way (P8).
//  4. Attempts, age and due time survive a restart. A cancelled attempt leaves
//     no trace.
//  5. Of one group in an ordered queue only the row with the lowest seq is
//     attempted. Other groups do not wait for it. What Redrive brings back
//     stands in no group.
//  6. A row leaves as delivered, as a dead letter, or dropped with its target;
//     each is one batch together with the counters.
//
// # Failing targets
//
// After 10 failures in a row a queue makes no calls but one now and then, a
// second later at first, a minute at last, until one succeeds. Rows wait on the
// disk meanwhile, and one that outlives its maximal age becomes a dead letter
// within a minute, without another attempt. A rate limit delays calls alike; a
// row's age goes on.
//
// # Time
//
// Age is the time that a row spent pending while a process measured it with
// its monotonic clock; downtime adds nothing. A row expires only after an
// attempt that failed at or past its maximal age, or behind a target that fails
// for others, so no jump of a wall clock and no restart expires anything. Due times are read off the wall clock at
// Open and advanced by the monotonic clock; one further ahead than any pause
// can be stems from a clock that went back between two runs, and counts as due.
package delivery
