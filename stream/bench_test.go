package stream_test

import (
	"fmt"
	"testing"

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
