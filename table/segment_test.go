package table_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// Segments have about as many keys each, whatever the keys look like, of tables and of
// indexes, and the sizes do not depend on the order in which the keys came.
func TestSegmentsAreEven(t *testing.T) {
	const items, segments = 1000, 16
	for _, c := range []struct {
		name string
		key  func(i int) (pk string, sk int, owner string)
	}{
		{"one prefix", func(i int) (string, int, string) { return fmt.Sprintf("USER#%d", i), 0, fmt.Sprintf("OWNER#%d", i) }},
		{"one partition", func(i int) (string, int, string) { return "p", i, "o" }},
		{"long numbers", func(i int) (string, int, string) { return fmt.Sprintf("%040d", i), 1, fmt.Sprintf("%040d", i/3) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			spec := orders
			spec.Indexes = []table.IndexSpec{{Name: "byOwner", Schema: item.KeySchema{Hash: text("owner")}, Projection: table.ProjectKeys}}
			if _, err := f.tables.Create(spec); err != nil {
				t.Fatal(err)
			}
			for i := range items {
				pk, sk, owner := c.key(i)
				row := it(t, `{"pk":{"S":"%s"},"sk":{"N":"%d"},"owner":{"S":"%s"}}`, pk, sk, owner)
				if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
					t.Fatal(err)
				}
			}
			for _, index := range []string{"", "byOwner"} {
				seen := map[string]bool{}
				for segment := range segments {
					rows := f.scanSegment(t, table.ScanRequest{Table: "orders", Index: index, Segment: segment, TotalSegments: segments, Limit: 7}, func() {})
					if n := len(rows); n < items/segments/2 || n > items/segments*2 {
						t.Errorf("index %q: segment %d has %d of %d items", index, segment, n, items)
					}
					for _, row := range rows {
						seen[string(item.AppendJSON(nil, row))] = true
					}
				}
				if len(seen) != items {
					t.Errorf("index %q: the segments have %d different items", index, len(seen))
				}
			}
		})
	}
}

// scanSegment reads a segment to its end, and calls between after each page.
func (f *fixture) scanSegment(t *testing.T, r table.ScanRequest, between func()) (rows []item.Item) {
	t.Helper()
	for {
		page, err := f.tables.Scan(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, page.Items...)
		if r.Start = page.Last; r.Start == nil {
			return rows
		}
		between()
	}
}

// While items come and go between two pages, the segments have each item that stays
// once.
func TestSegmentsWhileWritesGoOn(t *testing.T) {
	const stay, segments = 120, 3
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	put := func(id string) {
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, `{"id":{"S":"%s"}}`, id)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range stay {
		put(fmt.Sprintf("stays %03d", i))
		put(fmt.Sprintf("goes %03d", i))
	}
	came := 0
	write := func() {
		put(fmt.Sprintf("stays 000 %d", came))
		put(fmt.Sprintf("came %d", came))
		gone := it(t, `{"id":{"S":"goes %03d"}}`, came%stay)
		if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "users", Key: gone}); err != nil {
			t.Fatal(err)
		}
		came++
	}
	count := map[string]int{}
	for segment := range segments {
		for _, row := range f.scanSegment(t, table.ScanRequest{Table: "users", Segment: segment, TotalSegments: segments, Limit: 5}, write) {
			id, _ := row.Get("id")
			count[id.Str()]++
		}
	}
	for i := range stay {
		if id := fmt.Sprintf("stays %03d", i); count[id] != 1 {
			t.Errorf("%s came %d times", id, count[id])
		}
	}
	for id, n := range count {
		if n > 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

// A starting key of another segment is refused, and a client that is gone ends the
// reading.
func TestSegmentOfAnotherStart(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	start := it(t, `{"id":{"S":"a"}}`)
	refused := 0
	for segment := range 4 {
		_, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "users", Segment: segment, TotalSegments: 4, Start: start})
		var bad *table.ValidationError
		if errors.As(err, &bad) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 3 {
		t.Errorf("%d of 4 segments refuse the key", refused)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.tables.Scan(ctx, table.ScanRequest{Table: "users", Segment: 1, TotalSegments: 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("scan of a client that is gone: %v", err)
	}
}
