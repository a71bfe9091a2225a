package tablecast_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A program opens a node with what a file declares, writes an item and reads it.
func ExampleOpen() {
	file, err := config.Parse("tablecast.yaml", []byte("tables: { users: { key: id } }"))
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := tablecast.Open("data", tablecast.Options{Config: file, FS: vfs.NewMem()}) // in memory; without FS a folder
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	ctx := context.Background()
	ada := item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "name", Value: item.S("Ada")})
	if _, err := node.Tables().Put(ctx, table.PutRequest{Table: "users", Item: ada}); err != nil {
		fmt.Println(err) // else the item and its change record are durable
	}
	got, err := node.Tables().Get(ctx, "users", item.MapOf(item.Field{Name: "id", Value: item.S("u1")}))
	if err != nil {
		fmt.Println(err)
	}
	name, _ := got.Get("name")
	fmt.Println(name.Str())
	// Output: Ada
}

// An observer is told of each event that a bus has, and of the rules that match.
func ExampleNode_Watch() {
	file, err := config.Parse("tablecast.yaml", []byte(`
tables: { users: { key: id, stream: new-image } }
events: { UserCreated: { from: users, on: insert, source: myapp, detail: { name: "${new.name}" } } }
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := tablecast.Open("data", tablecast.Options{Config: file, FS: vfs.NewMem()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	received := make(chan *event.Event, 10)
	stop := node.Watch(tablecast.Observer{Accepted: func(a bus.Accepted) { received <- a.Event }})
	defer stop()

	ada := item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "name", Value: item.S("Ada")})
	if _, err := node.Tables().Put(context.Background(), table.PutRequest{Table: "users", Item: ada}); err != nil {
		fmt.Println(err)
		return
	}
	e := <-received
	fmt.Println(e.Source, e.DetailType, string(e.Detail))
	// Output: myapp UserCreated {"name":"Ada"}
}

// A program puts events of its own on a bus, and reads what a bus stores from a
// position that it keeps.
func ExampleNode_Buses() {
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	results, err := node.Buses().Put(context.Background(), []bus.Entry{
		{Bus: bus.Default, Source: "myapp", DetailType: "UserCreated", Detail: []byte(`{"name":"Ada"}`)},
	})
	if err != nil || results[0].Err != nil {
		fmt.Println(err, results)
		return
	}
	position := uint64(0)
	err = node.Buses().Events(bus.Default, position, func(seq uint64, e *event.Event) bool {
		fmt.Println(e.Source, e.DetailType, string(e.Detail))
		position = seq
		return true
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: myapp UserCreated {"name":"Ada"}
}

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
		return []mapping.Produced{{Detail: fmt.Appendf(nil, `{"initials":%q}`, short)}}, nil
	})
	node, err := tablecast.Open("data", tablecast.Options{
		FS: vfs.NewMem(), Config: file,
		Definitions: []mapping.Definition{{Name: "UserInitials", Table: "users", Source: "myapp", Bus: bus.Default, Mapper: initials}},
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
	err = node.Buses().Events(bus.Default, 0, func(_ uint64, e *event.Event) bool {
		fmt.Println(e.Source, e.DetailType, string(e.Detail))
		return true
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: myapp UserInitials {"initials":"AL"}
}
