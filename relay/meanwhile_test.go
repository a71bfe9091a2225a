package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// A batch that is refused after the backfill put its progress there is raised
// again: nothing of it is passed.
func TestBackfillRaisesAgainWhatWasRefused(t *testing.T) {
	f := newFolder(t)
	for n := range 250 {
		f.write(user(n), `,"n":{"N":"1"}`)
	}
	refused := 0
	r := f.relay(Options{Sink: func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		if len(events) > 0 && refused < 2 {
			refused++
			b := f.store.NewBatch()
			defer b.Close()
			mark(b)
			return kv.ErrDiskFull
		}
		return f.keep(ctx, events, mark)
	}}, raising("E"))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "E", "run", 0); err != nil {
			t.Fatal(err)
		}
		if b := finished(t, f, r); b.Items != 250 || b.Events != 250 {
			t.Errorf("%+v", b)
		}
	})
	if n := len(f.events()); n != 250 {
		t.Errorf("%d events", n)
	}
}

// An item of a backfill that is parked behind a change, or since its bus refuses
// the event, is raised by a redrive as any other.
func TestRedriveOfBackfillItems(t *testing.T) {
	f := newFolder(t)
	f.write("a", `,"n":{"N":"1"}`)
	f.write("b", `,"n":{"N":"1"}`)
	rejects := true
	r := f.relay(Options{Sink: func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		for i := range events {
			if rejects && strings.Contains(string(events[i].Event.Detail), `"b"`) {
				return fmt.Errorf("%w: bus gone", ErrRejected)
			}
		}
		return f.keep(ctx, events, mark)
	}, Set: set("1", raising("E"))}, raising("E"))
	runs(t, r, func() {
		f.write("a", ``)
		f.write("a", `,"n":{"N":"2"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		if _, err := r.StartBackfill(t.Context(), "E", "run", 0); err != nil {
			t.Fatal(err)
		}
		finished(t, f, r)
		if got := f.reasons(); got != "a: fails, a: behind, a: behind, b: fails" {
			t.Error(got)
		}
		f.forgetEvent(r, 2)
		must := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		must(r.do(t.Context(), func(context.Context) error { rejects = false; return nil }))
		must(r.Replace(t.Context(), []mapping.Definition{optional("E")}, set("2", optional("E")), nil))
		out, err := r.Redrive(t.Context(), parking.Selection{}, false, func(parking.Redriven) {})
		if err != nil || out != (parking.Redriven{Records: 4, Events: 4}) {
			t.Errorf("%+v %v", out, err)
		}
	})
}

// forgetEvent has the n-th parked record as earlier versions stored it.
func (f *folder) forgetEvent(r *Relay, n int) {
	f.t.Helper()
	p := f.parked()[n]
	p.BackfillOf = ""
	if err := r.parked.Keep(f.t.Context(), &p); err != nil {
		f.t.Error(err)
	}
}

// A parked item of a backfill whose event is not defined any more, or not known,
// stays parked; the others leave.
func TestRedriveOfBackfillThatIsGone(t *testing.T) {
	f := newFolder(t)
	f.write("a", ``)
	f.write("b", ``)
	f.write("c", ``)
	r := f.relay(Options{Set: set("1", raising("E"))}, raising("E"))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "E", "run", 0); err != nil {
			t.Fatal(err)
		}
		finished(t, f, r)
		f.write("d", ``)
		await(t, r, func(s Status) bool { return s.Position >= s.End && s.Parked == 4 })
		p := f.parked()[1]
		p.BackfillOf, p.Definition, p.Backfill = "", "", "long ago"
		if err := r.parked.Keep(t.Context(), &p); err != nil {
			t.Fatal(err)
		}
		if err := r.Replace(t.Context(), []mapping.Definition{optional("F")}, set("2", optional("F")), nil); err != nil {
			t.Fatal(err)
		}
		out, err := r.Redrive(t.Context(), parking.Selection{}, false, func(parking.Redriven) {})
		if err != nil || out != (parking.Redriven{Records: 1, Failed: 3}) {
			t.Errorf("%+v %v, parked %s", out, err, f.reasons())
		}
	})
}

// A reload that takes away the definition whose backfill is under way ends the
// backfill, and parks nothing.
func TestReplaceEndsBackfillOfDefinitionThatIsGone(t *testing.T) {
	f := newFolder(t)
	for n := range 30 {
		f.write(user(n), `,"n":{"N":"1"}`)
	}
	r := f.relay(Options{}, raising("E"), raising("F"))
	runs(t, r, func() {
		if _, err := r.StartBackfill(t.Context(), "E", "run", 10); err != nil {
			t.Fatal(err)
		}
		await(t, r, func(Status) bool { all, err := Backfills(f.store, "users"); return err == nil && all[0].Items >= 10 })
		if err := r.Replace(t.Context(), []mapping.Definition{raising("F")}, set("2", raising("F")), nil); err != nil {
			t.Fatal(err)
		}
		await(t, r, func(s Status) bool { return s.Backfill == "" })
		if err := r.StopBackfill(t.Context()); !errors.Is(err, ErrNoBackfill) {
			t.Error(err)
		}
	})
	if all, err := Backfills(f.store, "users"); err != nil || len(all) != 0 {
		t.Errorf("%+v %v", all, err)
	}
	if s := r.Status(); s.Parked != 0 {
		t.Errorf("%+v %s", s, f.reasons())
	}
}

// A caller that gives up while its step is done returns once the step has ended,
// and a step that has not begun is never done.
func TestCallerGivesUp(t *testing.T) {
	f := newFolder(t)
	f.write("a", `,"n":{"N":"1"}`)
	r := f.relay(Options{}, raising("E"))
	ctx, cancel := context.WithCancel(t.Context())
	began, ended := make(chan struct{}), false
	runs(t, r, func() {
		go func() { <-began; cancel() }()
		err := r.do(ctx, func(context.Context) error {
			close(began)
			<-ctx.Done()
			for range 1000 {
				_ = f.events()
			}
			ended = true
			return nil
		})
		if !ended {
			t.Error("returned while the step was done", err)
		}
	})
	idle := f.relay(Options{}, raising("E"))
	if err := idle.do(ctx, func(context.Context) error { t.Error("done for nobody"); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	drain(t, idle)
}

// A parked record that cannot be read is told and holds up its own item alone. With it
// dropped the counts are right again, and its item flows.
func TestDamagedParkedRecord(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{Set: set("1", raising("E"))}, raising("E"))
	runs(t, r, func() {
		for _, id := range []string{"a", "b", "c"} {
			f.write(id, ``)
		}
		await(t, r, func(s Status) bool { return s.Position >= s.End && s.Parked == 3 })
		key, _, err := r.parked.Find(&f.parked()[1])
		seq := f.parked()[1].Seq
		if err != nil {
			t.Fatal(err)
		}
		b := f.store.NewBatch()
		b.Set(key, []byte(`{"seq`))
		if _, err := f.store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if err := r.Replace(t.Context(), []mapping.Definition{optional("E")}, set("2", optional("E")), nil); err != nil {
			t.Fatal(err)
		}
		listed := 0
		err = ListParked(t.Context(), f.store, "users", parking.Selection{}, func(*parking.Record) bool { listed++; return true })
		if !errors.Is(err, parking.ErrDamaged) || listed != 2 {
			t.Errorf("listed %d, %v", listed, err)
		}
		var told parking.Redriven
		out, err := r.Redrive(t.Context(), parking.Selection{}, false, func(d parking.Redriven) { told = d })
		if !errors.Is(err, parking.ErrDamaged) || out.Records != 2 || told != out {
			t.Errorf("%+v, told %+v, %v", out, told, err)
		}
		f.write("b", `,"n":{"N":"2"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End && s.Parked == 2 })
		if n, err := r.Drop(t.Context(), parking.Selection{Seqs: []string{seq}}); n != 1 || err != nil {
			t.Errorf("%d dropped, %v", n, err)
		}
		f.write("b", `,"n":{"N":"3"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		if s := r.Status(); s.Parked != 0 || s.Dropped != 1 || s.Redriven != 3 {
			t.Errorf("%+v", s)
		}
	})
	f.expect(`E {"id":"a","n":"none"}`, `E {"id":"c","n":"none"}`, `E {"id":"b","n":2}`, `E {"id":"b","n":3}`)
	report := &fsck.Report{}
	Check(f.store, f.store.Durable(), report)
	if some, total := report.Faults(); total != 0 {
		t.Errorf("%v", some)
	}
}
