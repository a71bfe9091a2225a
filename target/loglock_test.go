//go:build unix

package target_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// A lock that another program keeps on the file holds up a delivery no longer than a
// call may take, and the line is written by a later one.
func TestLogLockedByAnother(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, "log:events", target.Options{LogDir: dir, Timeout: 50 * time.Millisecond})
	other, err := os.Create(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	deliver := func(ctx context.Context) error {
		go func() {
			_, err := tgt.Deliver(ctx, targettest.Delivery(1))
			done <- err
		}()
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("the delivery waits for the lock")
			return nil
		}
	}
	var e *target.Error
	if err := deliver(t.Context()); !errors.As(err, &e) || e.Permanent || e.Code != target.CodeTimeout {
		t.Errorf("while it is locked: %v", err)
	}
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := deliver(t.Context()); err != nil {
		t.Errorf("once it is not: %v", err)
	}
}
