package kv

import "errors"

// Errors of a Store. They come wrapped with the folder, file or numbers they
// speak of; compare with errors.Is.
var (
	// ErrNotFound says that no key has the exact bytes asked for.
	ErrNotFound = errors.New("kv: key not found")
	// ErrLocked says that another process (or Store) has the folder open.
	ErrLocked = errors.New("kv: folder is in use")
	// ErrNewerFormat says that a newer version wrote the folder.
	ErrNewerFormat = errors.New("kv: folder has a newer format")
	// ErrDiskFull refuses an ordinary batch while free space is low. Nothing
	// was written; the same batch may be tried again.
	ErrDiskFull = errors.New("kv: disk is nearly full")
	// ErrBehindWatermark says that the store lost commits it once reported
	// durable: its newest log block is damaged, or an older copy was put back.
	ErrBehindWatermark = errors.New("kv: store is behind its watermark")
	// ErrCorrupt says that stored bytes fail their checksum or make no sense.
	ErrCorrupt = errors.New("kv: store is corrupt")
	// ErrClosed says that the Store was closed.
	ErrClosed = errors.New("kv: store is closed")
)
