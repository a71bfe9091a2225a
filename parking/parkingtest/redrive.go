package parkingtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// redriven redrives and checks what became of it, what was raised, in the order
// of the items' names, and what is parked then.
func (s *suite[Tx]) redriven(sel parking.Selection, want parking.Redriven, raised, parked string) {
	s.t.Helper()
	s.raised = nil
	var told parking.Redriven
	got, err := s.lot().Redrive(s.t.Context(), sel, false, func(r parking.Redriven) { told = r })
	if err != nil || got != want || told != got {
		s.t.Errorf("%+v, want %+v; told %+v; %v", got, want, told, err)
	}
	s.became(raised, parked)
}

func (s *suite[Tx]) became(raised, parked string) {
	s.t.Helper()
	slices.SortStableFunc(s.raised, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	if got := strings.Join(s.raised, ", "); got != raised || s.parked() != parked {
		s.t.Errorf("raised %s, want %s; parked %s, want %s", got, raised, s.parked(), parked)
	}
}

// One that fails again keeps those behind it; all others leave, in order.
func redrive[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 4, 7)
	s.park("b", 2, 5, 8)
	s.fails["b 5"] = true
	s.redriven(parking.Selection{}, parking.Redriven{Records: 4, Events: 4, Failed: 1, Waiting: 1}, "a 1, a 4, a 7, b 2", "b 5, b 8")
	page, _, err := s.Store.Page(t.Context(), nil, 2)
	if err != nil || len(page) != 2 || page[0].Tries != 1 || page[0].Error != "again: broken" || page[0].Behind || !page[1].Behind {
		t.Errorf("%+v %v", page, err)
	}
	clear(s.fails)
	s.redriven(parking.Selection{}, parking.Redriven{Records: 2, Events: 2}, "b 5, b 8", "")
	s.redriven(parking.Selection{}, parking.Redriven{}, "", "")
}

// What is not meant stays, and what is meant behind it waits; what only waited
// behind one that left goes along, to the next that failed by itself.
func order[Tx any](_ *testing.T, s *suite[Tx]) {
	s.park("a", 1, 2)
	s.park("a", 3, 4)
	s.park("b", 5, 6)
	seq := func(n uint64) []string { return []string{stream.FormatSeq(n)} }
	s.redriven(parking.Selection{Seqs: seq(3)}, parking.Redriven{Waiting: 1}, "", "a 1, a 2, a 3, a 4, b 5, b 6")
	s.redriven(parking.Selection{Seqs: seq(1)}, parking.Redriven{Records: 2, Events: 2}, "a 1, a 2", "a 3, a 4, b 5, b 6")
	s.redriven(parking.Selection{Key: item.MapOf(item.Field{Name: "id", Value: item.S("b")})}, parking.Redriven{Records: 2, Events: 2}, "b 5, b 6", "a 3, a 4")
	s.redriven(parking.Selection{Since: time.Unix(1_900_000_003, 0), Before: time.Unix(1_900_000_004, 0)}, parking.Redriven{Records: 2, Events: 2}, "a 3, a 4", "")
}

// Who wants the mapping that parked a record is given it.
func original[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1)
	if out, err := s.lot().Redrive(t.Context(), parking.Selection{}, true, func(parking.Redriven) {}); err != nil || out.Records != 1 || !s.original {
		t.Errorf("%+v %v, original %v", out, err, s.original)
	}
}

// What is dropped is not raised; what only waited behind it is, up to the next
// that failed by itself.
func drop[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 2)
	s.park("a", 3, 4)
	s.park("b", 5, 6)
	n, err := s.lot().Drop(t.Context(), parking.Selection{Seqs: []string{stream.FormatSeq(1)}})
	if err != nil || n != 1 || strings.Join(s.dropped, ", ") != "a 1" {
		t.Errorf("%d %v, dropped %v", n, err, s.dropped)
	}
	s.became("a 2", "a 3, a 4, b 5, b 6")
	s.raised = nil
	if n, err = s.lot().Drop(t.Context(), parking.Selection{}); err != nil || n != 4 {
		t.Errorf("%d %v", n, err)
	}
	s.became("", "")
}

// A selection that has nothing is an error and changes nothing.
func none[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 2)
	for _, sel := range []parking.Selection{
		{Seqs: []string{stream.FormatSeq(9)}}, {Table: "others"}, {Mapping: "none"}, {Event: "None"}, {Key: item.MapOf(item.Field{Name: "id", Value: item.S("b")})},
		{Since: time.Unix(1_900_000_009, 0)}, {Before: time.Unix(1_900_000_000, 0)},
	} {
		if _, err := s.lot().Redrive(t.Context(), sel, false, func(parking.Redriven) {}); !errors.Is(err, parking.ErrNoMatch) {
			t.Errorf("redrive %+v: %v", sel, err)
		}
		if n, err := s.lot().Drop(t.Context(), sel); n != 0 || !errors.Is(err, parking.ErrNoMatch) {
			t.Errorf("drop %+v: %d %v", sel, n, err)
		}
	}
	s.became("", "a 1, a 2")
}
