// Package bus holds event buses: it accepts events, matches them against the
// rules of their bus, and writes a delivery row for each target of a rule that
// matches. It also holds archives, replays and schedules.
//
// # Keys
//
//	'b' bus           -> bus (JSON)
//	'u' bus, rule     -> rule with its targets (JSON)
//	'h' rule          -> schedule state: for which moments its schedule has fired (JSON)
//	'e' bus, seq      -> event (binary); seq is its number in the store
//	'e' ""            -> retention state (JSON): the uptime, and which events are how old
//
//	'w' 'i' bus, id       -> the event that used a deduplication id last, and when (JSON)
//	'w' 't' time, bus, id -> empty: the id was used at that time
//
//	'a' 'a' archive      -> archive (JSON)
//	'a' 'e' archive, seq -> archived event (binary)
//	'a' 's' archive, seq -> segment: count, bytes and times of the events from seq on, at most 4,096
//	'a' 'r' replay       -> replay with its position (JSON)
//
// # Invariants
//
//  1. An event, its delivery rows and the counters of its rules are one batch;
//     with Accept, the relay's position is in that batch, too (P5).
//  2. Readers never lock: all buses, rules and targets are one immutable catalog
//     behind an atomic pointer. An event sees all or nothing of a change, and is
//     matched before its commit begins.
//  3. A change of a bus, rule or target is durable before it takes effect. A
//     removal takes effect in the commit that makes it durable: a row for a
//     target that was removed since the event was matched counts as dropped
//     (P6), and an event for a bus that was deleted since is as if it had come
//     just before and been deleted with the bus.
//  4. An event stays stored for the retention, and longer while a delivery of
//     it is pending. The retention is measured in uptime of nodes, by their
//     monotonic clocks, so no jump of a wall clock and no restart removes
//     anything early.
//  5. No event is lost without a trace: one for a bus that does not exist fails
//     Accept; in Put, where EventBridge answers success, it is counted and logged
//     as an error.
//  6. An event is archived in the batch that accepts it, and a batch of a replay
//     holds the replay's position: an archive holds each event that matches once,
//     and a replay sends each event of its window once, whatever crashes. A
//     replayed event is never archived. Archived events age by uptime, a segment
//     at a time, and are removed by range deletions; one that cannot be read ends
//     the replay with an error that names it.
//  7. The event of a schedule and the moment that it fired for are one batch: no
//     moment fires twice, whatever crashes and however far the clock is set back.
//     Of several moments that passed while no node ran, or because the clock was
//     set forward, the latest fires. A clock that was more than a day ahead when a
//     schedule fired does not stop the schedule.
//  8. A deduplication id is stored in the batch of the event that used it, and
//     looked up under a lock that is held until then: of the entries with one id
//     within the window, one becomes an event, whatever crashes.
//  9. A batch of Accept is bounded: events whose copies in archives and rows would
//     exceed it fail with ErrBatchSize, and the relay hands over fewer, down to one
//     change, which it parks. What a target is sent is bounded before it is made.
//
// # Input
//
// A target gets the envelope, a constant, the value at a path of the envelope, or
// a template filled with values at paths. If that cannot be made of an event,
// because there is nothing at the path or the template does not yield JSON, the
// delivery fails permanently: a dead letter says why, where EventBridge drops the
// event.
//
// Source of the rules: Amazon EventBridge API reference and user guide, and
// behaviour recorded from the service.
package bus

// Default is the name of the bus that always exists.
const Default = "default"
