package kv

import (
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatNumber is the number of the folder's format. docs/formats.md describes it.
const formatNumber = 1

// readFormat checks the folder's format number; fresh says that there is none,
// so the store is yet to be made.
func readFormat(fs vfs.FS, dir string) (fresh bool, err error) {
	text, err := readSmall(fs, fs.PathJoin(dir, "FORMAT"), 64)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("kv: format: %w", err)
	}
	var n int
	if _, err := fmt.Sscanf(string(text), "tablecast %d\n", &n); err != nil || n < 1 {
		return false, fmt.Errorf("%w: %s says %q", ErrCorrupt, fs.PathJoin(dir, "FORMAT"), text)
	}
	if n > formatNumber {
		return false, fmt.Errorf("%w: %s says format %d, this version reads up to %d", ErrNewerFormat, fs.PathJoin(dir, "FORMAT"), n, formatNumber)
	}
	return false, nil
}

// writeFormat marks the folder as whole.
func writeFormat(fs vfs.FS, dir string) error {
	if err := replaceFile(fs, fs.PathJoin(dir, "FORMAT"), fmt.Appendf(nil, "tablecast %d\n", formatNumber)); err != nil {
		return fmt.Errorf("kv: format: %w", err)
	}
	return nil
}
