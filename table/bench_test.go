package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// BenchmarkPutIndexed replaces an item in a table whose stream keeps both images and
// which has two indexes that project all attributes.
func BenchmarkPutIndexed(b *testing.B) {
	for _, attributes := range []int{10, 1000} {
		b.Run(fmt.Sprintf("attributes=%d", attributes), func(b *testing.B) {
			f := open(b)
			spec := orders
			spec.View = stream.NewAndOldImages
			spec.Indexes = []table.IndexSpec{
				{Name: "byOwner", Schema: item.KeySchema{Hash: text("owner")}, Projection: table.ProjectAll},
				{Name: "byState", Schema: item.KeySchema{Hash: text("state")}, Projection: table.ProjectAll},
			}
			if _, err := f.tables.Create(spec); err != nil {
				b.Fatal(err)
			}
			rows := [2]item.Item{wideItem(attributes, "new"), wideItem(attributes, "paid")}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := f.tables.Put(b.Context(), table.PutRequest{Table: "orders", Item: rows[i%2]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// wideItem returns an item with a number of attributes of about 50 bytes each
// beside its keys.
func wideItem(attributes int, state string) item.Item {
	fields := []item.Field{
		{Name: "pk", Value: item.S("p")}, {Name: "sk", Value: item.NumOf(1).Value()},
		{Name: "owner", Value: item.S("ann")}, {Name: "state", Value: item.S(state)},
	}
	for i := range attributes {
		fields = append(fields, item.Field{Name: fmt.Sprintf("attribute%04d", i), Value: item.S(strings.Repeat(state[:1], 40))})
	}
	return item.MapOf(fields...)
}
