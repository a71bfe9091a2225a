package table_test

import (
	"testing"
	"time"

	"github.com/tablecast/tablecast/table"
)

// The decreases of a throughput are counted by days of UTC, and known after a restart.
func TestThroughputHistory(t *testing.T) {
	f := open(t)
	evening := time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC)
	now := evening
	clock := func() time.Time { return now.In(time.FixedZone("", 5*3600)) }
	f.reopenAt(t, clock)
	spec := lines
	spec.Billing, spec.Throughput = table.Provisioned, table.Throughput{Read: 9, Write: 9}
	if _, err := f.tables.Create(spec); err != nil {
		t.Fatal(err)
	}
	set := func(read, write int64) {
		t.Helper()
		if _, err := f.tables.Update(spec.Name, table.Change{Throughput: &table.Throughput{Read: read, Write: write}}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, increased, decreased time.Time, decreases int) {
		t.Helper()
		for range 2 {
			d, err := f.tables.Describe(spec.Name)
			if err != nil {
				t.Fatal(err)
			}
			if h := d.History; !h.Increased.Equal(increased) || !h.Decreased.Equal(decreased) || h.Decreases != decreases {
				t.Errorf("%s: %+v", what, h)
			}
			f.reopenAt(t, clock)
		}
	}
	check("new", time.Time{}, time.Time{}, 0)
	set(8, 9)
	set(8, 8)
	check("decreased twice", time.Time{}, evening, 2)
	now = evening.Add(2 * time.Minute)
	check("the next day", time.Time{}, evening, 0)
	set(9, 7)
	check("one up and one down", now, now, 1)
	morning := now
	now = now.Add(24 * time.Hour)
	set(9, 8)
	check("increased on a later day", now, morning, 0)
}
