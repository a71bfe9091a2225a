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
	held, f := holdCommits(t)
	release := held(func() error {
		_, err := f.tables.Put(context.Background(), table.PutRequest{Table: "users", Item: user("a", 1)})
		return err
	})
	f.refuseReads(t)
	release()
	if it, err := f.tables.Get(t.Context(), "users", userKey("a")); err != nil || valueOf(it) != 1 {
		t.Errorf("%v, %v", it, err)
	}
}

// P2: that an item is gone with its table is not answered before the disk has it.
func TestDropIsReadOnlyWhenDurable(t *testing.T) {
	held, f := holdCommits(t)
	if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: user("a", 1)}); err != nil {
		t.Fatal(err)
	}
	release := held(func() error {
		_, err := f.tables.Drop("users")
		return err
	})
	f.refuseReads(t)
	release()
	if _, err := f.tables.Get(t.Context(), "users", userKey("a")); !errors.Is(err, table.ErrNotFound) {
		t.Error(err)
	}
}

// holdCommits returns a fixture with the table users, and a function that begins a
// commit which is applied and does not become durable before its result is called.
func holdCommits(t *testing.T) (hold func(commit func() error) (release func()), f *fixture) {
	t.Helper()
	blocked := make(chan struct{})
	fs := kvtest.NewCutFS(vfs.NewMem(), func() { <-blocked })
	store, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f = &fixture{store: store}
	f.reopen(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	return func(commit func() error) func() {
		before := store.Applied()
		fs.Arm(1) // the log is not written to its end from here on
		var writing sync.WaitGroup
		writing.Go(func() {
			if err := commit(); err != nil {
				t.Error(err)
			}
		})
		for store.Applied() == before {
			runtime.Gosched()
		}
		return func() { close(blocked); writing.Wait() }
	}, f
}

// refuseReads checks that the reads of the user a wait for the disk.
func (f *fixture) refuseReads(t *testing.T) {
	t.Helper()
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if it, err := f.tables.Get(impatient, "users", userKey("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("P2: %v was read before it was durable: %v", it, err)
	}
	keys := []table.ItemKey{{Table: "users", Key: userKey("a")}}
	if items, err := f.tables.TransactGet(impatient, keys); !errors.Is(err, context.Canceled) {
		t.Errorf("P2: %v were read before they were durable: %v", items, err)
	}
	if page, err := f.tables.Scan(impatient, table.ScanRequest{Table: "users"}); !errors.Is(err, context.Canceled) {
		t.Errorf("P2: %v were read before they were durable: %v", page.Items, err)
	}
}
