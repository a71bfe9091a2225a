// Package claim is the claim-check pattern for details that are too large for a
// bus: the detail is put into a store, and the event has a reference to it.
// Consumers in Go get the detail back with Fetch.
//
//	{"claimCheck": {"ref": "file:///blobs/ID.json", "sha256": "…", "size": 1200000}}
//
// # Invariants
//
//  1. A reference exists only for content that is durable.
//  2. Put is idempotent: repeating it with the same name and content changes
//     nothing.
//  3. Get reads nothing outside of its store, whatever the reference says.
package claim
