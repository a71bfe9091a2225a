//go:build !tablecast_power

package kv

import "github.com/cockroachdb/pebble/v2/vfs"

// systemFS returns the file system of the operating system.
func systemFS() vfs.FS { return ownerFS{vfs.Default} }
