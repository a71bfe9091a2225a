package inbox_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/remote/inbox"
)

// once calls Once with a function that counts its runs, and checks what it
// returns and how often the function has run by then.
func once(t *testing.T, w *world, id string, runs *int, result, want error, total int) {
	t.Helper()
	err := w.Once(t.Context(), id, func(context.Context) error { *runs++; return result })
	if !errors.Is(err, want) || *runs != total {
		t.Errorf("Once: %v after %d runs, want %v after %d", err, *runs, want, total)
	}
}

// What was done is not done again until it is forgotten; what failed is.
func TestOnce(t *testing.T) {
	w, runs, failed := newWorld(t), 0, errors.New("no")
	once(t, w, "a", &runs, failed, failed, 1)
	once(t, w, "a", &runs, nil, nil, 2)
	once(t, w, "a", &runs, nil, nil, 2)
	once(t, w, "b", &runs, nil, nil, 3)
	w.clock.move(7*24*time.Hour - time.Minute)
	once(t, w, "a", &runs, nil, nil, 3)
	w.clock.move(2 * time.Minute)
	once(t, w, "a", &runs, nil, nil, 4)
	once(t, w, "a", &runs, nil, nil, 4)
}

// Ids are what a key of DynamoDB can be, and inboxes with a prefix are apart.
func TestIDs(t *testing.T) {
	w, runs := newWorld(t), 0
	once(t, w, "", &runs, nil, inbox.ErrID, 0)
	once(t, w, strings.Repeat("x", inbox.MaxID+1), &runs, nil, inbox.ErrID, 0)
	once(t, w, strings.Repeat("x", inbox.MaxID), &runs, nil, nil, 1)
	once(t, w, "a", &runs, nil, nil, 2)
	w.Inbox = inbox.New(inbox.Options{Client: w.db, Table: "inbox", Prefix: "mail/"})
	once(t, w, "a", &runs, nil, nil, 3)
	once(t, w, "a", &runs, nil, nil, 3)
}

// A panic frees the id.
func TestPanic(t *testing.T) {
	w, runs := newWorld(t), 0
	func() {
		defer func() { _ = recover() }()
		_ = w.Once(t.Context(), "a", func(context.Context) error { panic("no") })
	}()
	once(t, w, "a", &runs, nil, nil, 1)
}

// Of many calls at once one runs the function; the others are told that it does,
// and after it that it is done.
func TestDuplicatesAtOnce(t *testing.T) {
	w := newWorld(t)
	var runs, busy atomic.Int32
	const calls = 16
	others := make(chan struct{})
	do := func(context.Context) error {
		runs.Add(1)
		<-others
		return nil
	}
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			err := w.Once(t.Context(), "a", do)
			if errors.Is(err, inbox.ErrBusy) && busy.Add(1) == calls-1 {
				close(others)
			} else if err != nil && !errors.Is(err, inbox.ErrBusy) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for range calls {
		all.Go(func() {
			if err := w.Once(t.Context(), "a", do); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if runs.Load() != 1 {
		t.Errorf("%d runs", runs.Load())
	}
}

// A process that dies in the middle holds the id until its lease ends.
func TestCrash(t *testing.T) {
	if url := os.Getenv("INBOX_CRASH"); url != "" {
		err := inbox.New(inbox.Options{Client: client(url), Table: "inbox"}).Once(t.Context(), "a", func(context.Context) error {
			os.Exit(7)
			return nil
		})
		t.Fatal(err)
	}
	w, runs := newWorld(t), 0
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "INBOX_CRASH="+w.url)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 7 {
		t.Fatalf("%v %s", err, out)
	}
	once(t, w, "a", &runs, nil, inbox.ErrBusy, 0)
	w.clock.move(61 * time.Second)
	once(t, w, "a", &runs, nil, nil, 1)
	once(t, w, "a", &runs, nil, nil, 1)
}

// Who is slower than his lease is told that another took over, cannot commit,
// and does not undo what the other did.
func TestLostLease(t *testing.T) {
	w, runs := newWorld(t), 0
	slow := func(result error) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			w.clock.move(61 * time.Second)
			once(t, w, "a", &runs, nil, nil, 1)
			_, err := w.db.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{count("o1"), w.Done(ctx)}})
			var cancelled *types.TransactionCanceledException
			if !errors.As(err, &cancelled) {
				t.Errorf("the transaction of a lost lease: %v", err)
			}
			return result
		}
	}
	if err := w.Once(t.Context(), "a", slow(nil)); !errors.Is(err, inbox.ErrLost) {
		t.Errorf("%v, want ErrLost", err)
	}
	once(t, w, "a", &runs, nil, nil, 1)
	if n := w.total(t, "o1"); n != "" {
		t.Errorf("counted %s", n)
	}
	w, runs = newWorld(t), 0
	if err := w.Once(t.Context(), "a", slow(errors.ErrUnsupported)); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	once(t, w, "a", &runs, nil, nil, 1)
}

// The context of the function ends with the lease.
func TestLeaseEndsContext(t *testing.T) {
	w := newWorld(t)
	in := inbox.New(inbox.Options{Client: w.db, Table: "inbox", Lease: 50 * time.Millisecond})
	err := in.Once(t.Context(), "a", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A transaction with Done has its effect once, though the function fails after it
// and the message comes again.
func TestDoneInTransaction(t *testing.T) {
	w, runs := newWorld(t), 0
	for _, result := range []error{errors.ErrUnsupported, nil, nil} {
		err := w.Once(t.Context(), "a", func(ctx context.Context) error {
			runs++
			_, err := w.db.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{count("o1"), w.Done(ctx)}})
			return errors.Join(err, result)
		})
		if !errors.Is(err, result) {
			t.Errorf("%v, want %v", err, result)
		}
	}
	if n := w.total(t, "o1"); n != "1" || runs != 1 {
		t.Errorf("counted %s in %d runs", n, runs)
	}
	once(t, w, "b", &runs, nil, nil, 2)
}

// A flaky is a client some of whose calls fail after they were carried out.
type flaky struct {
	*sdk.Client
	lose map[int]bool // calls of UpdateItem, from 1, whose answers are lost
	seen int
}

func (f *flaky) UpdateItem(ctx context.Context, in *sdk.UpdateItemInput, with ...func(*sdk.Options)) (*sdk.UpdateItemOutput, error) {
	f.seen++
	out, err := f.Client.UpdateItem(ctx, in, with...)
	if f.lose[f.seen] {
		return nil, errors.ErrUnsupported
	}
	if f.seen == 1 { // as the SDK does whose first answer was lost
		out, err = f.Client.UpdateItem(ctx, in, with...)
	}
	return out, err
}

// A take that is sent twice is one take. A result that may not have been written
// is an error, and the next call knows.
func TestLostAnswers(t *testing.T) {
	w, runs := newWorld(t), 0
	f := &flaky{Client: w.db, lose: map[int]bool{2: true}}
	w.Inbox = inbox.New(inbox.Options{Client: f, Table: "inbox"})
	once(t, w, "a", &runs, nil, errors.ErrUnsupported, 1)
	once(t, w, "a", &runs, nil, nil, 1)
}
