package table_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/table"
)

// P2: an item that the disk does not have yet is not answered, though other
// writers build on it.
func TestReadsOnlyWhatIsDurable(t *testing.T) {
	release := make(chan struct{})
	fs := kvtest.NewCutFS(vfs.NewMem(), func() { <-release })
	store, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f := fixture{store: store}
	f.reopen(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	before := store.Applied()
	fs.Arm(1) // the log is not written to its end from here on
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := f.tables.Put(context.Background(), table.PutRequest{Table: "users", Item: user("a", 1)}); err != nil {
			t.Error(err)
		}
	})
	for store.Applied() == before {
		runtime.Gosched()
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if it, err := f.tables.Get(impatient, "users", userKey("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("P2: %v was read before it was durable: %v", it, err)
	}
	if page, err := f.tables.Scan(impatient, table.ScanRequest{Table: "users"}); !errors.Is(err, context.Canceled) {
		t.Errorf("P2: %v were read before they were durable: %v", page.Items, err)
	}
	close(release)
	writing.Wait()
	if it, err := f.tables.Get(t.Context(), "users", userKey("a")); err != nil || valueOf(it) != 1 {
		t.Errorf("%v, %v", it, err)
	}
}
