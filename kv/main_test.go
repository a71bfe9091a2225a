package kv_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformanceInMemory(t *testing.T) {
	kvtest.Run(t, func(*testing.T) (string, kv.Options) { return "data", kv.Options{FS: vfs.NewMem()} })
}

func TestConformanceOnDisk(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) (string, kv.Options) { return t.TempDir(), kv.Options{} })
}

func TestConformanceOnCrashFS(t *testing.T) {
	kvtest.Run(t, func(*testing.T) (string, kv.Options) { return "a/b/data", kv.Options{FS: kvtest.NewCrashFS(1)} })
}
