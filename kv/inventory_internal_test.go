package kv

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// A removalFS calls a function after each removal.
type removalFS struct {
	vfs.FS
	after func()
}

func (f *removalFS) Remove(name string) error {
	err := f.FS.Remove(name)
	f.after()
	return err
}

// A power loss while Pebble moves on to another manifest leaves a marker, and not
// that of a manifest which is older than what the inventory knows.
func TestPowerLossBetweenManifests(t *testing.T) {
	mem := vfs.NewCrashableMem()
	kept := &inventory{fs: mem, name: "data/INVENTORY", dir: "data/store"}
	var left []*vfs.MemFS
	fs := &storeFS{FS: &removalFS{mem, func() {
		if err := kept.save(); err != nil {
			t.Error(err)
		}
		left = append(left, mem.CrashClone(vfs.CrashCloneCfg{}))
	}}, n: &atomic.Uint64{}, kept: kept, fatal: func(err error) { t.Error(err) }}
	if err := makeFolder(mem, kept.dir); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(mem, kept.dir+"/"+formatMarker+"000001.024", nil); err != nil {
		t.Fatal(err)
	}
	marker, _, err := atomicfs.LocateMarker(fs, kept.dir, "manifest")
	if err != nil {
		t.Fatal(err)
	}
	defer marker.Close()
	for i := range 3 {
		name := fmt.Sprintf("MANIFEST-%06d", i+1)
		if err := replaceFile(fs, kept.path(name), []byte(name)); err != nil {
			t.Fatal(err)
		}
		kept.manifestSynced(sum{Name: name})
		if err := marker.Move(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) != 2 {
		t.Errorf("%d markers were removed", len(left))
	}
	for _, mem := range left {
		current, err := checkMarkers(mem, kept.dir)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := (&inventory{fs: mem, name: kept.name, dir: kept.dir}).check(current, false); err != nil {
			t.Error(err)
		}
	}
}
