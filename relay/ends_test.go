package relay

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// attempts opens the notes as a new process would.
func attempts(t testing.TB, path string) *attempt.Log {
	t.Helper()
	l, err := attempt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// noting is a definition whose mapper notes which items it maps.
func noting(ids *[]string, then func()) mapping.Definition {
	return mapping.Definition{Name: "Changed", Table: "users", Source: "test", Bus: "default", Mapper: mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		id, _ := r.Keys.Get("id")
		*ids = append(*ids, id.Str())
		then()
		return []mapping.Produced{{Detail: []byte("{}")}}, nil
	})}
}

// The work of a mapper in this process is noted. That of a function is not: it works in
// a process of its own, so a node that is killed while it waits did not end at the record.
func TestWaitingForFunctionIsNotNoted(t *testing.T) {
	for _, function := range []string{"", "mapper"} {
		f := newFolder(t)
		path := filepath.Join(t.TempDir(), "ATTEMPTS")
		var ids []string
		var noted []bool
		d := noting(&ids, func() {
			found, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			while := filepath.Join(t.TempDir(), "WHILE")
			if err := os.WriteFile(while, found, 0o600); err != nil {
				t.Error(err)
			}
			noted = append(noted, attempts(t, while).Remembers())
		})
		d.Function = function
		r := f.relay(Options{Attempts: attempts(t, path)}, definition("First"), d)
		f.put("u0")
		f.put("u1")
		runs(t, r, func() {
			await(t, r, func(s Status) bool { return s.Position >= s.End })
			if _, err := r.StartBackfill(t.Context(), "Changed", "run", 0); err != nil {
				t.Fatal(err)
			}
			await(t, r, func(s Status) bool { return s.Backfill == "" })
		})
		if len(noted) != 4 || slices.Contains(noted, function != "") {
			t.Errorf("function %q: %v, noted %v", function, ids, noted)
		}
	}
}

// Later changes of an item of which a record is parked at which processes ended are not
// mapped, neither after a restart nor by a backfill, until the record is redriven.
func TestItemThatEndsProcessesIsNotMapped(t *testing.T) {
	f := newFolder(t)
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	f.relay(Options{}, noting(new([]string), func() {}))
	f.put("bad")
	var ids []string
	d := noting(&ids, func() {})
	start := func() *Relay { return f.relay(Options{Attempts: attempts(t, path)}, d) }
	for range attempt.Limit {
		r := start()
		records, err := r.opts.Streams.OfTable("users")[0].Read(0, 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		r.opts.Attempts.Worker().Begin(r.attempt(records.Records[0].Sequence()))
	}
	drain(t, start())
	r := start()
	f.put("good")
	f.remove("bad")
	f.put("bad")
	runs(t, r, func() {
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		if _, err := r.StartBackfill(t.Context(), "Changed", "run", 0); err != nil {
			t.Fatal(err)
		}
		await(t, r, func(s Status) bool { return s.Backfill == "" })
	})
	if parked := f.parked(); len(parked) != 4 || slices.Contains(ids, "bad") {
		t.Errorf("%d parked, and mapped were %v", len(parked), ids)
	}
	r = start()
	runs(t, r, func() {
		if n, err := r.Redrive(t.Context(), parking.Selection{}, false, nil); err != nil || len(f.parked()) > 0 {
			t.Fatal(n, err)
		}
		ids = nil
		f.remove("bad")
		await(t, r, func(s Status) bool { return s.Position >= s.End })
	})
	if !slices.Contains(ids, "bad") {
		t.Errorf("mapped were %v", ids)
	}
}

// remove deletes a user.
func (f *folder) remove(id string) {
	f.t.Helper()
	if err := f.delete(f.t.Context(), item.MapOf(item.Field{Name: "id", Value: item.S(id)})); err != nil {
		f.t.Fatal(err)
	}
}
