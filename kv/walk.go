package kv

import (
	"bytes"
	"errors"

	"github.com/tablecast/tablecast/internal/fsck"
)

// Walk calls fn for the keys of a range, in order, and counts them in the report as
// things of a kind. A range that cannot be read to its end is a fault of part. Key
// and value are valid only inside fn.
func Walk(r Reader, rng Range, report *fsck.Report, part, kind string, fn func(key, value []byte)) {
	it := r.Scan(rng)
	var last []byte
	for it.Next() {
		report.Walked(kind, 1)
		last = append(last[:0], it.Key()...)
		fn(last, it.Value())
	}
	if err := it.Close(); err != nil {
		report.Fault(part, bytes.Clone(last), "%s cannot be read beyond this key: %v", kind, err)
	}
}

// Holds reports whether a key is stored. A key that cannot be read counts as stored:
// whoever walks its range tells.
func Holds(r Reader, key []byte) bool {
	return !isNotFound(r.View(key, func([]byte) error { return nil }))
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
