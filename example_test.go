package tablecast_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// Where data is not enough, code says what a change means: a Mapper, beside the
// definitions of the file.
func ExampleOptions_mapper() {
	file, err := config.Parse("tablecast.yaml", []byte("tables: { users: { key: id, stream: new-and-old-images } }"))
	if err != nil {
		fmt.Println(err)
		return
	}
	initials := mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		name, ok := r.New.Get("name")
		if !ok {
			return nil, nil
		}
		short := ""
		for _, word := range strings.Fields(name.Str()) {
			short += word[:1]
		}
		return []mapping.Produced{{Detail: []byte(fmt.Sprintf(`{"initials":%q}`, short))}}, nil
	})
	node, err := tablecast.Open("data", tablecast.Options{
		FS: vfs.NewMem(), Config: file, // in memory, for the example
		Definitions: []mapping.Definition{{Name: "UserInitials", Table: "users", Source: "myapp", Bus: "default", Mapper: initials}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()
	ctx := context.Background()
	ada := item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "name", Value: item.S("Ada Lovelace")})
	if _, err := node.Tables().Put(ctx, table.PutRequest{Table: "users", Item: ada}); err != nil {
		fmt.Println(err)
	}
	if err := node.AwaitQuiet(ctx); err != nil {
		fmt.Println(err)
	}
	err = node.Buses().Events("default", 0, func(_ uint64, e *event.Event) bool {
		fmt.Println(e.Source, e.DetailType, string(e.Detail))
		return true
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: myapp UserInitials {"initials":"AL"}
}
