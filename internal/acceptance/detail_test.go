package acceptance

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A mapper's detail of the greatest depth, one level deeper by its envelope,
// holds no later change up.
func TestDeepestDetailInAnEnvelope(t *testing.T) {
	file, err := config.Parse("tablecast.yaml", []byte("tables: { items: { key: id, stream: new-and-old-images } }"))
	if err != nil {
		t.Fatal(err)
	}
	mapper := mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		id, _ := r.New.Get("id")
		if id.Str() == "deep" {
			n := event.MaxDetailDepth
			return []mapping.Produced{{Detail: []byte(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))}}, nil
		}
		return []mapping.Produced{{Detail: []byte(`{}`)}}, nil
	})
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: file, Definitions: []mapping.Definition{
		{Name: "Changed", Table: "items", Source: "app", Bus: "default", Mapper: mapper, Shape: mapping.Shape{Envelope: mapping.Metadata}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	for _, id := range []string{"deep", "next"} {
		put := table.PutRequest{Table: "items", Item: item.MapOf(item.Field{Name: "id", Value: item.S(id)})}
		if _, err := node.Tables().Put(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := node.AwaitQuiet(ctx); err != nil {
		t.Fatalf("%v: %+v", err, node.Relays())
	}
	n := 0
	if err := node.Buses().Events("default", 0, func(uint64, *event.Event) bool { n++; return true }); err != nil || n != 2 {
		t.Errorf("%d events, error %v", n, err)
	}
}
