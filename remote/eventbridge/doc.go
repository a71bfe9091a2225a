// Package eventbridge publishes events to Amazon EventBridge, or to any other
// endpoint that speaks its PutEvents.
//
//	events ─ claim check ─ lanes, one a group ─ batches ─ PutEvents ─▶ bus
//	                         ▲                               │
//	                         └── entries that failed ◀───────┘
//
// # Invariants
//
//  1. An event is sent only once each earlier event of its group was accepted,
//     so a batch holds at most one event of a group (P4).
//  2. Of a batch, the entries that failed are sent again and no others. An answer
//     that was lost leaves open which were accepted: those arrive twice, with
//     equal details, whose metadata holds an equal id (P5).
//  3. What can pass is tried until the context ends. What cannot is reported
//     once, as ErrRejected, and the later events of its group are then not sent:
//     ErrBehind. An entry that fails by itself for GiveUp is one that cannot; a
//     call that fails and throttling blame no entry.
//  4. A batch has at most 10 entries and MaxBytes, as EventBridge counts
//     (event.Event.Size). One that the bus refuses as a whole is halved until
//     the entry that is to blame stands alone.
//
// # Ids
//
// EventBridge gives each event an id of its own. The deterministic id by which
// consumers tell a repeat survives in the detail alone: with the envelope
// metadata as metadata.eventId, with cloudevents as id, with bare details not at
// all. Options.Definitions makes New warn of those.
package eventbridge
