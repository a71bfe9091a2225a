package kv_test

import (
	"syscall"
	"testing"
)

// allocated returns the bytes on disk that a file takes.
func allocated(t *testing.T, name string) int64 {
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}
