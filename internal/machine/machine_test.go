package machine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The limits of a process are those of its group and of the groups above it.
func TestCgroupLimits(t *testing.T) {
	root := t.TempDir()
	self := write(t, filepath.Join(root, "self"), "4:memory:/docker/a\n3:cpu,cpuacct:/docker/b\n0::/system/node\n")
	write(t, filepath.Join(root, "memory/docker/a/memory.limit_in_bytes"), "300\n")
	write(t, filepath.Join(root, "memory/memory.limit_in_bytes"), "9223372036854771712\n")
	write(t, filepath.Join(root, "system/node/memory.max"), "max\n")
	write(t, filepath.Join(root, "system/memory.max"), "200\n")
	if got := cgroupLimits(self, root); !slices.Equal(got, []int64{300, 200}) {
		t.Errorf("limits %v", got)
	}
	if got := cgroupLimits(filepath.Join(root, "none"), root); len(got) > 0 {
		t.Errorf("limits %v", got)
	}
}

func TestMeminfo(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "meminfo"), "MemFree: 1 kB\nMemTotal:   2048 kB\n")
	if got := meminfo(path); got != 2<<20 {
		t.Errorf("%d", got)
	}
	if got := meminfo(path + "none"); got != unknown {
		t.Errorf("%d", got)
	}
	if Memory() <= 0 || Files() <= 0 {
		t.Errorf("%d bytes, %d files", Memory(), Files())
	}
}
