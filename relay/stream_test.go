package relay

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A table's streams are read one after the other, each to its end, whatever
// was read when they changed.
func TestStreamsInTurn(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{}, definition("A"))
	f.put(user(0))
	f.turn(false)
	f.put(user(1)) // on no stream
	f.turn(true)
	f.put(user(2))
	runs(t, r, func() {
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		f.put(user(3))
		f.turn(false)
		f.turn(true)
		f.put(user(4))
		await(t, r, func(s Status) bool { return s.Position >= s.End })
	})
	f.expect(of("A", 0), of("A", 2), of("A", 3), of("A", 4))
	if s := r.Status(); s.Gaps != 0 {
		t.Errorf("%+v", s)
	}
}

// A relay waits for a table that gets its stream much later, and then another
// one, and is there at once.
func TestTableWithoutStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFolder(t, vfs.NewMem())
		r := f.relay(Options{}, definition("A"))
		runs(t, r, func() {
			time.Sleep(time.Hour)
			f.create()
			f.put(user(0))
			synctest.Wait()
			f.expect(of("A", 0))
			f.turn(false)
			time.Sleep(time.Hour)
			f.turn(true)
			f.put(user(1))
			synctest.Wait()
			f.expect(of("A", 0), of("A", 1))
		})
	})
}

// aged is a folder with records that the trimming, which goes on while fn runs,
// removes unread.
func aged(t *testing.T, r func(f *folder) *Relay, age func(f *folder)) (*folder, Status) {
	f := openFolder(t, vfs.NewMem())
	f.create()
	rel := r(f)
	f.put(user(0))
	f.put(user(1))
	age(f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.streams.Run(ctx) }()
	time.Sleep(2 * retention)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return f, rel.Status()
}

// Records that were trimmed unread are told of, and the relay goes on.
func TestGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *Relay
		f, _ := aged(t, func(f *folder) *Relay { r = f.relay(Options{}, definition("A")); return r }, func(*folder) {})
		f.put(user(2))
		runs(t, r, func() { time.Sleep(time.Second) })
		f.expect(of("A", 2))
		if s := r.Status(); s.Gaps != 1 || s.Position < s.End {
			t.Errorf("%+v", s)
		}
		if s := f.relay(Options{}, definition("A")).Status(); s.Gaps != 1 {
			t.Errorf("after a restart: %+v", s)
		}
	})
}

// So are those that went away with their whole stream.
func TestGapOfRemovedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *Relay
		f, _ := aged(t, func(f *folder) *Relay {
			r = f.relay(Options{Sink: func(context.Context, []mapping.Raised, func(*kv.Batch)) error { return kv.ErrDiskFull }}, definition("A"))
			return r
		}, func(f *folder) {
			runs(t, r, func() { time.Sleep(time.Second) }) // begins to read, cannot hand over
			f.turn(false)
			f.turn(true)
		})
		r.opts.Sink = f.keep
		f.put(user(2))
		runs(t, r, func() { time.Sleep(time.Second) })
		f.expect(of("A", 2))
		if s := r.Status(); s.Gaps != 1 || s.Position < s.End {
			t.Errorf("%+v", s)
		}
	})
}

// A definition that starts at the horizon sees what is kept; what was trimmed
// before is no gap for it, but it is for one that was due to read it.
func TestHorizonAfterTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := aged(t, func(f *folder) *Relay { return f.relay(Options{}, definition("A")) }, func(*folder) {})
		f.put(user(2))
		late := f.relay(Options{}, definition("A"), fromHorizon(definition("B")))
		runs(t, late, func() { time.Sleep(time.Second) })
		f.expect(of("A", 2), of("B", 2))
		if s := late.Status(); s.Gaps != 1 {
			t.Errorf("a known definition lost records silently: %+v", s)
		}
		later := f.relay(Options{}, definition("A"), fromHorizon(definition("B")), fromHorizon(definition("C")))
		runs(t, later, func() { time.Sleep(time.Second) })
		f.expect(of("A", 2), of("B", 2), of("C", 2))
		if s := later.Status(); s.Gaps != 1 {
			t.Errorf("a horizon is no gap: %+v", s)
		}
	})
}

// Pages are bounded by records and by bytes, and the change is mapped whole.
func TestPageBounds(t *testing.T) {
	f := newFolder(t)
	var most, bytes int
	r := f.relay(Options{Sink: func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		size := 0
		for i := range events {
			size += len(events[i].Event.Detail)
		}
		most, bytes = max(most, len(events)), max(bytes, size)
		return f.keep(ctx, events, mark)
	}}, mapping.Definition{Name: "A", Table: "users", Source: "test", Bus: "default"})
	for range 2 * pageRecords / table.MaxBatchWrite {
		f.batch(table.MaxBatchWrite, "")
	}
	f.batch(20, strings.Repeat("x", 390<<10))
	drain(t, r)
	if most > pageRecords || bytes > pageBytes+item.MaxSize {
		t.Errorf("a page of %d events and %d bytes", most, bytes)
	}
	if want := 2*pageRecords/table.MaxBatchWrite*table.MaxBatchWrite + 20; len(f.events()) != want {
		t.Errorf("%d events, want %d", len(f.events()), want)
	}
}

// batch writes new users that have a text.
func (f *folder) batch(n int, text string) {
	f.t.Helper()
	var writes []table.BatchWrite
	for range n {
		f.batched++
		writes = append(writes, table.BatchWrite{Table: "users", Put: item.MapOf(
			item.Field{Name: "id", Value: item.S("b" + user(f.batched))}, item.Field{Name: "text", Value: item.S(text)})})
	}
	if _, err := f.tables.Batch(f.t.Context(), writes); err != nil {
		f.t.Fatal(err)
	}
}

// Observers hear of each record, those without events included.
func TestOnMapped(t *testing.T) {
	f := newFolder(t)
	heard := map[string]int{}
	r := f.relay(Options{OnMapped: func(rec *stream.Record, events []mapping.Raised) {
		heard[rec.Op.String()] += 1 + len(events)
	}}, definition("A"))
	f.put(user(0))
	key := item.MapOf(item.Field{Name: "id", Value: item.S(user(0))})
	if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "users", Key: key}); err != nil {
		t.Fatal(err)
	}
	drain(t, r)
	if heard["INSERT"] != 2 || heard["REMOVE"] != 1 {
		t.Errorf("heard %v", heard)
	}
}
