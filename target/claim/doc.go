// Package claim is the claim check for details that are too large for a bus:
// the detail goes into a store, and the event carries a reference to it.
//
//	{"claimCheck": {"ref": "file:///blobs/ID.json", "sha256": "…", "size": 1200000}}
//
// # Invariants
//
//  1. A reference exists only for content that is durable.
//  2. Put with one name and the same content has the same effect once or often.
//  3. Get reads nothing outside of its store, whatever the reference says.
package claim
