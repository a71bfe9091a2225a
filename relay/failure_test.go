package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		err  error
		want parking.Decision
	}{
		{nil, parking.Retry},
		{errors.New("connection refused"), parking.Retry},
		{fmt.Errorf("x: %w", kv.ErrDiskFull), parking.Retry},
		{context.DeadlineExceeded, parking.Retry},
		{&mapping.Error{Definition: "A", Err: errors.New("no")}, parking.Park},
		{fmt.Errorf("%w: no such bus", ErrRejected), parking.Park},
		{&mapping.Error{Definition: "A", Err: mapping.ErrUnavailable}, parking.Retry},
		{fmt.Errorf("x: %w", kv.ErrCorrupt), parking.Halt},
		{fmt.Errorf("x: %w", item.ErrBinary), parking.Halt},
		{kv.ErrClosed, parking.Halt},
	} {
		if got, reason := decide(c.err); got != c.want || reason == "" {
			t.Errorf("%v: %v (%s), want %v", c.err, got, reason, c.want)
		}
	}
}

// rejecting is a sink that never takes the event of some users.
func (f *folder) rejecting(ids ...string) Sink {
	return func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		for i := range events {
			for _, id := range ids {
				if strings.Contains(string(events[i].Event.Detail), `"`+id+`"`) {
					return fmt.Errorf("%w: bus gone", ErrRejected)
				}
			}
		}
		return f.keep(ctx, events, mark)
	}
}

func (f *folder) parked() []parking.Record {
	f.t.Helper()
	var out []parking.Record
	if err := ListParked(f.t.Context(), f.store, "users", parking.Selection{}, func(p *parking.Record) bool { out = append(out, *p); return true }); err != nil {
		f.t.Fatal(err)
	}
	return out
}

// Events that the sink rejects park their record alone, with all of it, once.
func TestRejectedRecordIsParked(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{Sink: f.rejecting(user(1), user(4))}, definition("A"))
	for n := range 7 {
		f.put(user(n))
	}
	drain(t, r)
	f.expect(of("A", 0), of("A", 2), of("A", 3), of("A", 5), of("A", 6))
	if s := r.Status(); s.Parked != 2 || s.LastError != "" {
		t.Errorf("%+v", s)
	}
	again := f.relay(Options{}, definition("A"))
	drain(t, again)
	if s := again.Status(); s.Parked != 2 || len(f.parked()) != 2 || len(f.events()) != 5 {
		t.Errorf("after a restart: %+v, %d parked, %d events", s, len(f.parked()), len(f.events()))
	}
}

// A record that cannot be mapped is parked, and the row says all that is known.
func TestUnmappedRecordIsParked(t *testing.T) {
	f := newFolder(t)
	scalar, err := mapping.Scope{}.Text("${keys.id}")
	if err != nil {
		t.Fatal(err)
	}
	bad := definition("Bad")
	bad.Detail = scalar
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	r := f.relay(Options{Now: func() time.Time { return at }}, definition("Good"), bad)
	f.put(user(0))
	drain(t, r)
	st := f.streams.OfTable("users")[0]
	page, err := st.Read(0, 10, 1<<20)
	if err != nil || len(page.Records) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	got := f.parked()
	want := []parking.Record{{
		Table: "users", Stream: st.ARN(), Label: st.Label(), Seq: got[0].Seq, Group: `users{"id":"u0"}`, Definition: "Bad",
		Error: "event Bad: detail: it is not an object", At: at,
		View: st.View(), EventID: page.Records[0].EventID(), Size: page.Records[0].Size,
		Op: "INSERT", Time: page.Records[0].Time, Keys: []byte(`{"id":{"S":"u0"}}`), New: []byte(`{"id":{"S":"u0"}}`),
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !strings.HasSuffix(got[0].Seq, fmt.Sprint(page.Records[0].Seq)) {
		t.Errorf("sequence number %s, want %d", got[0].Seq, page.Records[0].Seq)
	}
	f.expect()
}

// A crash between the halves of a rejected page repeats nothing.
func TestRejectedPageIsHalvedInOrder(t *testing.T) {
	f := newFolder(t)
	stop := errors.New("power")
	sink := f.rejecting(user(3))
	calls := 0
	failing := func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		if calls++; calls == 3 {
			return stop
		}
		return sink(ctx, events, mark)
	}
	r := f.relay(Options{Sink: failing}, definition("A"))
	for n := range 4 {
		f.put(user(n))
	}
	if err := r.step(t.Context()); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	f.expect(of("A", 0), of("A", 1))
	drain(t, f.relay(Options{Sink: sink}, definition("A")))
	f.expect(of("A", 0), of("A", 1), of("A", 2))
}

// A sink that fails is asked again with growing pauses, and nothing is lost.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFolder(t, vfs.NewMem())
		f.create()
		var tries []time.Time
		r := f.relay(Options{Sink: func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
			if tries = append(tries, time.Now()); len(tries) <= 12 {
				return kv.ErrDiskFull
			}
			return f.keep(ctx, events, mark)
		}}, definition("A"))
		f.put(user(0))
		runs(t, r, func() {
			time.Sleep(time.Second)
			if s := r.Status(); s.LastError == "" || s.Position >= s.End {
				t.Errorf("while the disk is full: %+v", s)
			}
			time.Sleep(time.Minute)
		})
		for i := 1; i < len(tries); i++ {
			if got, most := tries[i].Sub(tries[i-1]), min(minPause<<(i-1), maxPause); got < most/2 || got > most {
				t.Errorf("pause %d is %v, want %v to %v", i, got, most/2, most)
			}
		}
		f.expect(of("A", 0))
		if s := r.Status(); s.LastError != "" || s.Parked != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Damage ends the relay; it is not skipped.
func TestHalt(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{Sink: func(context.Context, []mapping.Raised, func(*kv.Batch)) error {
		return fmt.Errorf("block 7: %w", kv.ErrCorrupt)
	}}, definition("A"))
	f.put(user(0))
	before := r.Status().Position
	if err := r.Run(t.Context()); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("run: %v", err)
	}
	if s := r.Status(); s.Position != before || s.LastError == "" {
		t.Errorf("%+v", s)
	}
}

// While a mapper is not available its record waits, and so do those after it;
// nothing is parked, and what came before is not handed on twice.
func TestUnavailableMapperWaits(t *testing.T) {
	f := newFolder(t)
	var asked atomic.Int64
	d := definition("A")
	d.Detail = nil
	d.Mapper = mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		id, _ := r.Keys.Get("id")
		if id.Str() == user(2) && asked.Add(1) < 4 {
			return nil, fmt.Errorf("%w: not yet", mapping.ErrUnavailable)
		}
		return []mapping.Produced{{Detail: fmt.Appendf(nil, `{"id":%q}`, id.Str())}}, nil
	})
	r := f.relay(Options{}, d)
	for n := range 4 {
		f.put(user(n))
	}
	drain(t, r)
	f.expect(of("A", 0), of("A", 1), of("A", 2), of("A", 3))
	if s := r.Status(); s.Parked != 0 || asked.Load() != 4 {
		t.Errorf("%+v, asked %d times", s, asked.Load())
	}
	f.uniqueIDs()
}
