package stream_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// BenchmarkRead reads 1,000 small records, each with one image, from four
// shards.
func BenchmarkRead(b *testing.B) {
	st, _, store := open(b, stream.NewImage)
	for i := range 1000 {
		id := fmt.Sprint("u", i)
		put(b, store, st, id, nil, user(id, "ada"))
	}
	b.ReportAllocs()
	for b.Loop() {
		page, err := st.Read(0, 1000, 1<<30)
		if err != nil || len(page.Records) != 1000 {
			b.Fatal(len(page.Records), err)
		}
	}
}

// A record is made of the binary forms that the table has made: it costs the
// same few allocations for a large item as for a small one.
func TestAppendUsesBinaryForms(t *testing.T) {
	st, _, store := open(t, stream.NewAndOldImages)
	old, now := user("u1", "ada"), user("u1", "grace")
	for i := range 1000 {
		old = old.With(fmt.Sprint("attribute", i), item.S("old"))
		now = now.With(fmt.Sprint("attribute", i), item.S("new"))
	}
	change := stream.Change{
		Partition: item.AppendKey(nil, item.S("u1")), Old: old, New: now,
		OldBinary: item.AppendBinary(nil, old), NewBinary: item.AppendBinary(nil, now),
	}
	allocations := testing.AllocsPerRun(100, func() {
		b := store.NewBatch()
		st.Append(b, time.Now(), []stream.Change{change})
		b.Close()
	})
	if allocations > 20 {
		t.Errorf("a record costs %.0f allocations", allocations)
	}
}
