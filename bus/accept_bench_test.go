package bus

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// wideDetail returns a detail of about n bytes, as a mapping makes one of an
// item with many attributes.
func wideDetail(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"id":"o-1","lines":[{"sku":"sku-0","count":0,"price":0.5}`)
	for i := 1; b.Len() < n; i++ {
		fmt.Fprintf(&b, `,{"sku":"sku-%d","count":%d,"price":%d.5}`, i, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// BenchmarkAccept shows what a relay's event costs the bus, by the size of its
// detail: most of all the one time that rules read it.
func BenchmarkAccept(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("detail=%dKB", size>>10), func(b *testing.B) {
			w := memory(b, Options{})
			w.must(w.PutRule(Rule{Bus: Default, Name: "r", Pattern: `{"source":["shop"],"detail":{"id":["o-2"]}}`}))
			e := &event.Event{ID: "id", Source: "shop", DetailType: "T", Account: "1", Region: "r", Time: time.Unix(1, 0), Detail: wideDetail(size)}
			b.SetBytes(int64(len(e.Detail)))
			for b.Loop() {
				if err := w.Accept(context.Background(), []Outgoing{{Bus: Default, Event: e}}, func(*kv.Batch) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
