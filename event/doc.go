// Package event is the event of a bus: its fields, its JSON envelope, which is
// EventBridge's, its stored form, its size limits and its identity.
//
// It is public API: targets in Go get events, mappers make their details, and
// consumers in Go read what a webhook or a queue received with Parse.
//
// # Envelope
//
// A target receives an event as one compact JSON object, members in this order:
//
//	{"version":"0","id":…,"detail-type":…,"source":…,"account":…,"time":…,
//	 "region":…,["replay-name":…,]"resources":[…],"detail":{…}}
//
// time is in whole seconds, UTC. resources is an array even when empty. detail
// is the object as its producer wrote it, numbers and duplicate names included;
// only white space between its tokens is dropped.
//
// # Stored form
//
//	1 byte      version of the form, 1
//	varint      time, seconds since 1970
//	uvarint     time, nanoseconds
//	strings     id, source, detail-type, account, region, replay name, group, trace, and the
//	            table, sequence number and definition that raised it
//	uvarint     number of resources, then each as a string
//	string      detail
//	1 byte      1, if it came from another bus; else none
//
// A string is its length in bytes as uvarint and the bytes.
//
// # Invariants
//
//  1. DecodeBinary(e.AppendBinary(nil)) equals e.
//  2. Parse(e.AppendJSON(nil)) equals e up to what the envelope leaves out:
//     fractions of a second, Group, Trace, Cause, Forwarded and white space in the detail.
//  3. DeterministicID gives equal ids for equal parts, and different ids for
//     different parts (it is a cryptographic hash).
package event
