package eventsource

import (
	"fmt"
	"sync"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// Records a second from the stream to a function in this process that does
// nothing, at several batch sizes.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := start(b, nil, Options{})
			w.bare = true
			var writers sync.WaitGroup
			for i := range 16 {
				writers.Go(func() {
					for n := i; n < b.N; n += 16 {
						it := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprint(n))})
						if _, err := w.tables.Put(b.Context(), table.PutRequest{Table: "users", Item: it}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			writers.Wait()
			b.ResetTimer()
			m := w.mapped(func(m *Mapping) { m.BatchSize = size })
			w.settled(m.UUID, uint64(b.N))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
