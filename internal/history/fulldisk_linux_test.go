package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

// TestFullDisk fills a real file system under a node, over and over. While little is
// free, puts are refused with kv.ErrDiskFull, and reads, deletes and deliveries go on;
// when nothing is free, reads go on; when there is room again, all of it does.
func TestFullDisk(t *testing.T) {
	c := campaigntest.Start(t, "full-disk", "fillings of a disk", 2)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=640m"); err != nil {
		t.Skipf("a file system of its own cannot be mounted: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}()
	node, err := openFull(filepath.Join(dir, "data"), func(err error) { panic(fmt.Sprintf("fatal: %v", err)) })
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	for ; c.Done < c.N && !t.Failed(); c.Done++ {
		fillDisk(t, node, dir, c.Done)
	}
}

// usersARound is how many users a filling writes.
const usersARound = 20

// fillDisk fills the disk in two steps and frees it again. Of the users that it
// writes it deletes one.
func fillDisk(t *testing.T, node *tablecast.Node, dir string, round int) {
	t.Helper()
	for i := range usersARound {
		if err := putFull(t.Context(), node, fmt.Sprintf("u%d-%d", round, i)); err != nil {
			t.Fatalf("with room: %v", err)
		}
	}
	users := (round + 1) * (usersARound - 1)
	filler := filepath.Join(dir, "filler")
	free := func() int64 { return int64(node.Stats().DiskFree) }
	awaitFull(t, node, false)
	grow(t, filler, free()-100<<20)
	awaitFull(t, node, true)
	if err := putFull(t.Context(), node, fmt.Sprint("refused-", round)); !errors.Is(err, kv.ErrDiskFull) {
		t.Errorf("a put with 100 MiB free: %v", err)
	}
	key := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprintf("u%d-0", round))})
	if _, err := node.Tables().Delete(t.Context(), table.DeleteRequest{Table: "users", Key: key}); err != nil {
		t.Errorf("a delete with 100 MiB free: %v", err)
	}
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Errorf("deliveries with 100 MiB free: %v", err)
	}
	grow(t, filler, 1<<40) // all of it, the ballast's room too
	reads := func(when string) {
		if n, err := countItems(t.Context(), node, "users"); err != nil || n != users {
			t.Errorf("%s: %d users, want %d: %v", when, n, users, err)
		}
	}
	reads("with nothing free")
	if err := putFull(t.Context(), node, fmt.Sprint("refused-", round)); !errors.Is(err, kv.ErrDiskFull) {
		t.Errorf("a put with nothing free: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	awaitFull(t, node, false)
	reads("with room again")
}

// grow appends zeros to a file, until the disk is full at most.
func grow(t *testing.T, name string, bytes int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); bytes > 0; bytes -= int64(len(chunk)) {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// awaitFull waits until the node has noticed how much is free.
func awaitFull(t *testing.T, node *tablecast.Node, full bool) {
	t.Helper()
	for node.Stats().DiskFull != full {
		if err := wait.Sleep(t.Context(), 1e7); err != nil {
			t.Fatal(err)
		}
	}
}
