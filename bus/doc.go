// Package bus holds event buses: it accepts events, decides which rules want
// them, and writes for each target of such a rule a row to deliver.
//
// # Keys
//
//	'b' bus           -> bus (JSON)
//	'u' bus, rule     -> rule with its targets (JSON)
//	'h' rule          -> timetable: for which moments its schedule has fired (JSON)
//	'e' bus, seq      -> event (binary); seq is its number in the store
//	'e' ""            -> ledger (JSON): how old which events are
//
//	'w' 'i' bus, id       -> the event that last used a deduplication id, and when (JSON)
//	'w' 't' time, bus, id -> empty: when it was used
//
//	'a' 'a' archive      -> archive (JSON)
//	'a' 'e' archive, seq -> archived event (binary)
//	'a' 's' archive, seq -> segment: what the events from seq on are, up to 4,096
//	'a' 'r' replay       -> replay with its position (JSON)
//
// # Invariants
//
//  1. An event, its delivery rows and the counters of its rules are one batch;
//     with Accept, the relay's mark is in that batch, too (P5).
//  2. Readers never lock: all buses, rules and targets in force are one
//     immutable catalog behind an atomic pointer. An event sees all or nothing
//     of a change, and is matched before its commit begins.
//  3. A change of a bus, rule or target is durable before it takes effect. A
//     removal takes effect in the commit that makes it durable: a row for a
//     target that was removed since the event was matched counts as dropped
//     (P6), and an event for a bus that was deleted since is as if it had come
//     just before and been deleted with the bus.
//  4. An event stays stored for the retention, and longer while a delivery of
//     it is pending. The retention is measured by the time that nodes ran, with
//     their monotonic clocks, so no jump of a wall clock and no restart removes
//     anything early.
//  5. No event disappears in silence: one for a bus that does not exist fails
//     Accept, and in Put, where EventBridge says success, is counted and
//     logged as an error.
//  6. An event is archived in the batch that accepts it, and a batch of a
//     replay holds the replay's position: an archive holds each event that it
//     wants once, and a replay sends each event of its window once, whatever
//     crashes. A replayed event is never archived. Archived events age by the
//     ledger's clock, a segment at a time, and leave by range deletions; one
//     that cannot be read ends the replay with an error that names it.
//  7. The event of a schedule and the moment that it fired for are one batch:
//     no moment fires twice, whatever crashes and wherever the clock goes back
//     to. Of moments that passed unseen, because no node ran or the clock went
//     forward, the latest fires. A clock that was more than a day ahead when a
//     schedule fired does not stop it.
//  8. A deduplication id is remembered in the batch of the event that used it,
//     and looked up under a lock that is held until then: of the entries with
//     one id within the window, one becomes an event, whatever crashes.
//
// # Input
//
// A target is sent the envelope, or a constant, or what a path leads to, or a
// template filled from paths. An input that cannot be made of an event, because
// the path leads nowhere or the template does not yield JSON, is a permanent
// failure of that delivery: a dead letter that says why, where EventBridge
// drops the event.
//
// Source of the rules: Amazon EventBridge API reference and user guide, and
// behaviour recorded from the service.
package bus

// Default is the name of the bus that always exists.
const Default = "default"
