// Package keys holds the access keys of a node: who may sign requests, and what each
// may do.
//
// The keys of a folder are in its file KEYS, whose mode is 0600:
//
//	tablecast keys 1\n
//	{"keys": [Key], "changes": N}, sealed under the folder's file KEY with the name "KEYS"
//
// A folder with that file is closed: every request must be signed, on loopback, too.
// It stays closed once all its keys are revoked. KEY is marked before the first KEYS is
// written, so that a folder that lost KEYS is refused, not open; it counts the changes,
// so that an older copy of KEYS is refused, too. Create and Revoke change the file under
// the lock KEYS.lock and replace it atomically: after a crash it has the old keys or the
// new. A Ring follows the file while a node runs.
package keys
