package acceptance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

const backedUp = `
tables: { users: { key: id, stream: new-image, indexes: { by-name: { key: name } } } }
events: { UserCreated: { from: users, on: insert, source: s } }
rules: { all: { pattern: { source: [s] }, targets: [ { log: seen } ] } }
`

// A backup of a node under load holds every user that was acknowledged before,
// with its index entry, its record and its event; a node that is restored from
// it goes on from there.
func TestBackupUnderLoad(t *testing.T) {
	root := t.TempDir()
	file := parse(t, backedUp)
	node, err := tablecast.Open(filepath.Join(root, "data"), tablecast.Options{Config: file})
	if err != nil {
		t.Fatal(err)
	}
	put := func(n *tablecast.Node, id string) error {
		user := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "name", Value: item.S("n")})
		_, err := n.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: user})
		return err
	}
	stop := make(chan struct{})
	before := make(chan struct{})
	var writing sync.WaitGroup
	for w := range 3 {
		writing.Go(func() {
			for i := 0; ; i++ {
				if err := put(node, fmt.Sprintf("w%d-%05d", w, i)); err != nil {
					t.Error(err)
					return
				}
				if w == 0 && i == 200 {
					close(before)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	<-before
	backup := filepath.Join(root, "backup")
	if err := node.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	close(stop)
	writing.Wait()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(root, "restored")
	if err := tablecast.Restore(t.Context(), backup, restored); err != nil {
		t.Fatal(err)
	}
	again, err := tablecast.Open(restored, tablecast.Options{Config: file})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 201 {
		it, err := again.Tables().Get(t.Context(), "users", item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprintf("w0-%05d", i))}))
		if err != nil || it == nil {
			t.Fatalf("user %d was acknowledged before the backup and is not in it: %v", i, err)
		}
	}
	d, err := again.Tables().Describe("users")
	if err != nil || d.Indexes[0].Entries != d.Items {
		t.Errorf("%d users, %d index entries, %v", d.Items, d.Indexes[0].Entries, err)
	}
	if got := int64(len(events(t, again))); got != d.Items {
		t.Errorf("%d users, %d events", d.Items, got)
	}
	if err := put(again, "new"); err != nil {
		t.Error(err)
	}
}

// Of two restores, or two backups, into one folder at a time one is made, whole, and
// the other says why it is not; a slash at the end of a name changes nothing.
func TestBackupsAndRestoresAtOnce(t *testing.T) {
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	var nodes []*tablecast.Node
	for i := range 2 {
		node, err := tablecast.Open(in(fmt.Sprint("data", i)), tablecast.Options{Config: parse(t, backedUp)})
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		insert(t, node, `{"id":{"S":"u"},"name":{"S":"n"}}`)
		nodes = append(nodes, node)
	}
	once := func(dir string, make func(i int) error) {
		t.Helper()
		errs := []error{nil, nil}
		var both sync.WaitGroup
		for i := range errs {
			both.Go(func() { errs[i] = make(i) })
		}
		both.Wait()
		for i, err := range errs {
			refused := errs[1-i]
			if err == nil && !errors.Is(refused, kv.ErrExists) && !errors.Is(refused, kv.ErrBuilding) || err != nil && refused != nil {
				t.Errorf("%s: %v", dir, errs)
			}
		}
		r, err := tablecast.VerifyBackup(t.Context(), dir, tablecast.FsckOptions{})
		if err != nil {
			t.Error(err)
		} else if faults, total := r.Faults(); total > 0 {
			t.Errorf("%s: %v", dir, faults)
		}
	}
	for round := range 10 {
		backup, restored := in(fmt.Sprint("backup", round)), in(fmt.Sprint("restored", round))
		once(backup, func(i int) error { return nodes[i].Backup(t.Context(), backup+"/") })
		once(restored, func(int) error { return tablecast.Restore(t.Context(), backup+"/", restored+"/") })
	}
}

func TestBackupErrors(t *testing.T) {
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	if err := tablecast.Backup(t.Context(), in("none"), in("copy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no folder: %v", err)
	}
	node, err := tablecast.Open(in("data"), tablecast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tablecast.Backup(t.Context(), in("data"), in("copy")); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("of a folder in use: %v", err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tablecast.Backup(t.Context(), in("data"), in("copy")); err != nil {
		t.Fatal(err)
	}
	if err := tablecast.Restore(t.Context(), in("copy"), in("data")); !errors.Is(err, kv.ErrExists) {
		t.Errorf("over a folder: %v", err)
	}
	if err := tablecast.Restore(t.Context(), root, in("new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("from no backup: %v", err)
	}
	logs, err := filepath.Glob(in("copy/store/*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("the copy has no log: %v", err)
	}
	manifests, _ := filepath.Glob(in("copy/store/MANIFEST-*"))
	if err := os.WriteFile(manifests[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tablecast.Restore(t.Context(), in("copy"), in("new")); err == nil {
		t.Error("a damaged backup was restored")
	}
	if r, err := tablecast.VerifyBackup(t.Context(), in("copy"), tablecast.FsckOptions{}); err != nil {
		t.Error(err)
	} else if faults, _ := r.Faults(); len(faults) == 0 || !strings.Contains(faults[0].File, "MANIFEST-") {
		t.Errorf("verified: %v", faults)
	}
	for _, left := range []string{"new", "new.partial"} {
		if _, err := os.Stat(in(left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was left: %v", left, err)
		}
	}
}
