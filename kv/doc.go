// Package kv is the ordered store under every hop, and the only code that
// touches the disk: one Pebble store in one folder.
//
// # Folder
//
//	FORMAT      the folder's format number, written once its store is whole
//	LOCK        held by the one process that has the folder open
//	BALLAST     reserved blocks, removed when the disk runs out of space
//	WATERMARK   two slots {sequence number, CRC}: a commit known to be durable
//	INVENTORY   the files that the store had, with sums; see type inventory
//	store/      Pebble
//
// # Keys
//
//	'm' "seq"   -> last sequence number given (8 bytes, big-endian)
//
// All other keyspaces belong to the packages above; each draws its own.
//
// # Invariants
//
//  1. Every commit takes one or more consecutive sequence numbers from one
//     counter, under the same mutex under which it enters the log. Number
//     order, log order and visibility order are one order (P3).
//  2. The counter is a key in the same batch, so a recovered store knows the
//     number of its last commit.
//  3. Durable never passes a number whose batch, or any batch before it, is not
//     fsynced (P2).
//  4. A store whose recovered counter is below its watermark does not open: an
//     acknowledged commit is missing. Nor does one without the markers by which
//     Pebble knows it, or whose files are not those of its inventory: all of
//     that is checked before Pebble may make or remove a file.
//  5. A failed write or fsync of the log ends the process (P7); no commit is
//     accepted or acknowledged after it.
//  6. A batch that is refused for want of space was not written at all.
//
// A commit, in outline:
//
//	admit        refuse an ordinary batch while the disk is nearly full
//	lock
//	  number     add the keys that contain sequence numbers
//	  log        enqueue the batch for the log, apply it to the memtable
//	unlock       readers of this process see the batch
//	wait         until the log is fsynced past the batch
//	advance      raise Durable, and wake the callers of WaitDurable
package kv
