package kv_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// What the process that TestAnyFailedOperation starts is to do.
const (
	failDir = "KV_TEST_FAIL_DIR"
	failAt  = "KV_TEST_FAIL_AT"
)

// Statuses of that process, besides kv.ExitStatus and Go's 2 for a panic.
const (
	exitFaultless = 10 // fewer operations than that
	exitReported  = 11 // an error was returned
	exitTolerated = 12 // everything succeeded
)

// P7: whichever single file operation fails while a folder is opened, written
// and closed, the process ends or says so, acknowledges nothing that is lost,
// and leaves a folder that opens.
func TestAnyFailedOperation(t *testing.T) {
	if dir := os.Getenv(failDir); dir != "" {
		os.Exit(failOnce(dir))
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	seen := map[int]int{}
	for at := 1; seen[exitFaultless] == 0; at += step {
		dir := t.TempDir()
		status, out := runFailing(t, dir, at)
		seen[status]++
		switch status {
		case exitFaultless, exitReported, exitTolerated, kv.ExitStatus:
		case 2:
			if !strings.Contains(out, "panic") || !strings.Contains(out, "input/output error") {
				t.Errorf("operation %d: %s", at, out)
			}
		default:
			t.Errorf("operation %d: status %d: %s", at, status, out)
		}
		s, err := kv.Open(dir, kv.Options{})
		if err != nil {
			t.Fatalf("operation %d: the second open: %v", at, err)
		}
		acked := uint64(strings.Count(out, "acked"))
		if s.Durable() < acked {
			t.Errorf("operation %d: %d acknowledged, %d left", at, acked, s.Durable())
		}
		if err := errors.Join(checkPrefix(s, s.Durable()), s.Close()); err != nil {
			t.Errorf("operation %d: %v", at, err)
		}
	}
	t.Logf("statuses: %v", seen)
	if seen[kv.ExitStatus] == 0 {
		t.Error("no failure ended the process")
	}
}

func runFailing(t *testing.T, dir string, at int) (status int, out string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAnyFailedOperation$")
	cmd.Env = append(os.Environ(), failDir+"="+dir, failAt+"="+strconv.Itoa(at))
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// failOnce makes one operation fail with EIO, and returns the exit status.
func failOnce(dir string) int {
	at, err := strconv.Atoi(os.Getenv(failAt))
	if err != nil {
		return 1
	}
	faults := kvtest.NewFaultFS(vfs.Default)
	faults.Arm(kvtest.Fault{Err: syscall.EIO, At: at})
	err = writeTen(dir, kv.Options{FS: faults, MinFreeBytes: 1 << 20})
	switch {
	case faults.Hits() == 0:
		return exitFaultless
	case err != nil:
		return exitReported
	default:
		return exitTolerated
	}
}

func writeTen(dir string, o kv.Options) error {
	s, err := kv.Open(dir, o)
	if err != nil {
		return err
	}
	var l ledger
	for range 10 {
		if err := l.write(s, 0); err != nil {
			return err
		}
		os.Stdout.WriteString("acked\n")
	}
	return s.Close()
}

// fewFilesDir names the folder of the process that TestFewFiles starts.
const fewFilesDir = "KV_TEST_FEW_FILES_DIR"

// P7: a process that has no descriptor left when the log has to go on in another file
// ends with its own status, not by a panic, and what it acknowledged is there.
func TestFewFiles(t *testing.T) {
	if dir := os.Getenv(fewFilesDir); dir != "" {
		os.Exit(writeWithoutFiles(dir))
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFewFiles$")
	cmd.Env = append(os.Environ(), fewFilesDir+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != kv.ExitStatus || strings.Contains(string(out), "panic") {
		t.Fatalf("%v: %.2000s", err, out)
	}
	s, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if acked := uint64(strings.Count(string(out), "acked")); acked == 0 || s.Durable() < acked {
		t.Errorf("acknowledged %d, recovered %d", acked, s.Durable())
	}
}

// writeWithoutFiles writes until the log has to go on in another file, of which there
// can be none.
func writeWithoutFiles(dir string) int {
	s, err := kv.Open(dir, kv.Options{MemTableBytes: 256 << 10})
	if err != nil {
		return exitReported
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return exitReported
	}
	for {
		// Not os.Open: what nobody refers to would be closed by the garbage collector.
		if _, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0); err != nil {
			break
		}
	}
	for range 1000 {
		b := s.NewBatch()
		b.Set(kv.NewKey('z').Uint64(1), make([]byte, 10<<10))
		if _, err := s.Commit(b); err != nil {
			return exitReported
		}
		os.Stdout.WriteString("acked\n")
	}
	return exitTolerated
}
