// Package parkingtest is the conformance suite of stores of parked records: what
// redriving and dropping rely on, wherever the records are kept.
package parkingtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// A Fixture is an empty store and what its loop does with it.
type Fixture[Tx any] struct {
	Store parking.Store[Tx]
	// Mapping is the UUID of the event source mapping whose store it is, if it is
	// one's. The store is that of the table users.
	Mapping string
	// Park parks records of one item, in order.
	Park func(records ...*parking.Record) error
	// Commit makes durable what add adds to a transaction.
	Commit func(add func(Tx) error) error
	// Held reports whether later records of the item of a record are to be parked
	// behind it.
	Held func(r *parking.Record) (bool, error)
	// Damage overwrites the stored form of a record with bytes that make no sense.
	Damage func(r *parking.Record) error
}

// Run checks a kind of store. open makes a fresh one.
func Run[Tx any](t *testing.T, open func(t *testing.T) Fixture[Tx]) {
	for name, part := range map[string]func(*testing.T, *suite[Tx]){
		"whole": whole[Tx], "pages": pages[Tx], "keep": keep[Tx], "release": release[Tx], "redrive": redrive[Tx], "order": order[Tx], "original": original[Tx], "drop": drop[Tx], "none": none[Tx],
		"damaged": damaged[Tx], "bytes": bytesOfPages[Tx],
	} {
		t.Run(name, func(t *testing.T) { part(t, &suite[Tx]{Fixture: open(t), t: t, fails: map[string]bool{}}) })
	}
}

// A suite is a fixture, and a Loop over it that notes what it raises.
type suite[Tx any] struct {
	Fixture[Tx]
	t        *testing.T
	fails    map[string]bool // records that Raise refuses, as text tells them
	original bool            // as Raise was last told
	raised   []string
	dropped  []string
}

// record returns the n-th record of an item.
func (s *suite[Tx]) record(id string, n int, reason error) *parking.Record {
	key := item.MapOf(item.Field{Name: "id", Value: item.S(id)})
	num := item.NumOf(int64(n)).Value()
	r := &stream.Record{
		Op: stream.Modify, Time: time.Unix(1_800_000_000, 7e6).UTC(), Keys: key, New: key.With("n", num), Old: key, Size: 30,
		Origin: &stream.Origin{
			ARN: "arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/2026-01-01T00:00:00.000", Table: "users", View: stream.NewAndOldImages,
			Sequence: stream.FormatSeq(uint64(n)), EventID: fmt.Sprint("e", n),
		},
	}
	p := parking.New(r, "users"+string(item.AppendPlainItem(nil, key)), time.Unix(1_900_000_000+int64(n), 0), reason)
	p.Mapping, p.Version = s.Mapping, "v1"
	return p
}

var errBroken = errors.New("broken")

// park parks records of one item: the first for a reason of its own, the others
// behind it.
func (s *suite[Tx]) park(id string, numbers ...int) {
	s.t.Helper()
	var records []*parking.Record
	for i, n := range numbers {
		reason := parking.ErrBehind
		if i == 0 {
			reason = errBroken
		}
		records = append(records, s.record(id, n, reason))
	}
	if err := s.Park(records...); err != nil {
		s.t.Fatal(err)
	}
}

// text is "id number" of a record.
func text(r *parking.Record) string {
	id, _ := strings.CutPrefix(r.Group, `users{"id":"`)
	n, err := stream.ParseSeq(r.Seq)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %d", strings.TrimSuffix(id, `"}`), n)
}

// parked returns the text of all records, in the order of their items' names.
func (s *suite[Tx]) parked() string {
	s.t.Helper()
	var out []string
	err := parking.List(s.t.Context(), s.Store, parking.Selection{}, func(r *parking.Record) bool {
		out = append(out, text(r))
		return true
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return strings.Join(out, ", ")
}

func (s *suite[Tx]) lot() *parking.Lot[Tx] { return &parking.Lot[Tx]{Store: s.Store, Loop: s, Step: 1} }

// Do implements parking.Loop.
func (s *suite[Tx]) Do(ctx context.Context, step func(context.Context) error) error { return step(ctx) }

// Raise implements parking.Loop.
func (s *suite[Tx]) Raise(_ context.Context, r *parking.Record, original bool, release func(Tx) error) (int, error) {
	s.original = original
	if s.fails[text(r)] {
		return 0, fmt.Errorf("again: %w", errBroken)
	}
	if err := s.Commit(release); err != nil {
		return 0, err
	}
	s.raised = append(s.raised, text(r))
	return 1, nil
}

// Drop implements parking.Loop.
func (s *suite[Tx]) Drop(_ context.Context, r *parking.Record, release func(Tx) error) error {
	s.dropped = append(s.dropped, text(r))
	return s.Commit(release)
}

// Decide implements parking.Loop.
func (s *suite[Tx]) Decide(err error) (parking.Decision, string) {
	if errors.Is(err, errBroken) {
		return parking.Park, "broken"
	}
	return parking.Retry, "it may pass"
}

// A record comes back as it was parked, whatever its size.
func whole[Tx any](t *testing.T, s *suite[Tx]) {
	small := s.record("a", 1, errBroken)
	large := s.record("b", 2, errBroken)
	large.New = item.AppendJSON(nil, item.MapOf(item.Field{Name: "id", Value: item.S("b")}, item.Field{Name: "x", Value: item.S(strings.Repeat("aé<&>", 60_000))}))
	large.Expired, large.Old, large.Op = true, nil, "REMOVE"
	for _, r := range []*parking.Record{small, large} {
		if err := s.Park(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []*parking.Record{small, large} {
		var got *parking.Record
		err := parking.List(t.Context(), s.Store, parking.Selection{Seqs: []string{want.Seq}}, func(r *parking.Record) bool { got = r; return false })
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%v %.2000s", err, d)
		}
		if _, err := got.Change(); err != nil {
			t.Error(err)
		}
	}
}

// Pages of any size hold each record once, those of one item in order.
func pages[Tx any](t *testing.T, s *suite[Tx]) {
	var want []string
	for i, id := range []string{"a", "b", "c"} {
		var numbers []int
		for n := range 20 {
			numbers = append(numbers, 3*n+i+9) // of one digit and two
			want = append(want, fmt.Sprint(id, " ", 3*n+i+9))
		}
		s.park(id, numbers...)
	}
	for _, limit := range []int{1, 3, 7, 60, 100} {
		var got []string
		var last *parking.Record
		for {
			page, more, err := s.Store.Page(t.Context(), last, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d records, %v", len(page), err)
			}
			for _, r := range page {
				last = r
				got = append(got, text(r))
			}
			if !more {
				break
			}
		}
		slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pages of %d: %s", limit, d)
		}
	}
}

// What is kept again shows its reason of this time, and what is gone stays gone.
func keep[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 2)
	page, _, err := s.Store.Page(t.Context(), nil, 1)
	if err != nil || len(page) != 1 {
		t.Fatal(page, err)
	}
	r := page[0]
	r.Blame(errors.New("other"))
	r.Tries++
	if err := s.Store.Keep(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	again, _, err := s.Store.Page(t.Context(), nil, 1)
	if err != nil || len(again) != 1 {
		t.Fatal(again, err)
	}
	if d := cmp.Diff(r, again[0]); d != "" {
		t.Error(d)
	}
	if err := s.Commit(func(tx Tx) error { return s.Store.Release(tx, r) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Keep(t.Context(), r); err != nil || s.parked() != "a 2" {
		t.Errorf("kept after it was gone: %s, %v", s.parked(), err)
	}
}

// An item is held until its last record is released, which may be tried twice.
func release[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 2, 3)
	s.park("b", 4)
	var all []*parking.Record
	err := parking.List(t.Context(), s.Store, parking.Selection{Key: item.MapOf(item.Field{Name: "id", Value: item.S("a")})}, func(r *parking.Record) bool {
		all = append(all, r)
		return true
	})
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for i, r := range all {
		for range 2 {
			if err := s.Commit(func(tx Tx) error { return s.Store.Release(tx, r) }); err != nil {
				t.Error(err)
			}
		}
		if held, err := s.Held(r); err != nil || held != (i < 2) {
			t.Errorf("after %d: held %v, %v", i+1, held, err)
		}
	}
	if s.parked() != "b 4" {
		t.Error(s.parked())
	}
}
