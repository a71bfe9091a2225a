package parkingtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// DamageRow makes the stored row of a parked record unreadable.
func DamageRow(rows *parking.Rows, r *parking.Record) error {
	key, _, err := rows.Find(r)
	if err != nil {
		return err
	}
	b := rows.Store.NewBatch()
	b.Set(key, []byte("?"))
	_, err = rows.Store.Commit(b)
	return err
}

// A record that cannot be read is told after all others, holds up those of its item
// alone, and goes by its sequence number, with which what waited behind it leaves.
func damaged[Tx any](t *testing.T, s *suite[Tx]) {
	s.park("a", 1, 4)
	s.park("b", 2, 5)
	s.park("c", 3)
	bad := s.record("a", 1, errBroken)
	if err := s.Damage(bad); err != nil {
		t.Fatal(err)
	}
	var listed []string
	err := parking.List(t.Context(), s.Store, parking.Selection{}, func(r *parking.Record) bool { listed = append(listed, text(r)); return true })
	if len(listed) != 4 || !errors.Is(err, parking.ErrDamaged) || !strings.Contains(err.Error(), bad.Seq) {
		t.Errorf("listed %v, %v", listed, err)
	}
	out, err := s.lot().Redrive(t.Context(), parking.Selection{}, false, func(parking.Redriven) {})
	if (out != parking.Redriven{Records: 3, Events: 3, Waiting: 1}) || !errors.Is(err, parking.ErrDamaged) {
		t.Errorf("%+v, %v", out, err)
	}
	if n, err := s.lot().Drop(t.Context(), parking.Selection{Event: "E"}); n != 0 || !errors.Is(err, parking.ErrDamaged) {
		t.Errorf("by event: %d dropped, %v", n, err)
	}
	s.raised = nil
	if n, err := s.lot().Drop(t.Context(), parking.Selection{Seqs: []string{stream.FormatSeq(1)}}); n != 1 || err != nil {
		t.Errorf("%d dropped, %v", n, err)
	}
	s.became("a 4", "")
	if held, err := s.Held(bad); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
}

// A page of large records has few of them, and says that there are more.
func bytesOfPages[Tx any](t *testing.T, s *suite[Tx]) {
	const records = 14
	for n := range records {
		r := s.record("a", n+1, errBroken)
		r.New = item.AppendJSON(nil, item.MapOf(item.Field{Name: "x", Value: item.S(strings.Repeat("x", 1<<20))}))
		if err := s.Park(r); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	var last *parking.Record
	for more := true; more; {
		page, m, err := s.Store.Page(t.Context(), last, 64)
		if err != nil || len(page)<<20 > parking.PageBytes+1<<20 || m != (seen+len(page) < records) && len(page) == 0 {
			t.Fatalf("%d records after %d, more %v, %v", len(page), seen, m, err)
		}
		if more = m; len(page) > 0 {
			last = page[len(page)-1]
		}
		seen += len(page)
	}
	if seen != records {
		t.Errorf("%d records", seen)
	}
}
