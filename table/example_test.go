package table_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// openTables opens tables in memory, for the examples, until closeStore is called.
func openTables() (tables *table.Tables, streams *stream.Streams, closeStore func(), err error) {
	store, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		return nil, nil, nil, err
	}
	closeStore = func() { _ = store.Close() }
	if streams, err = stream.Open(store, stream.Options{}); err == nil {
		tables, err = table.Open(store, streams, table.Options{})
	}
	return tables, streams, closeStore, err
}

// Each write of an item leaves a record in the stream of its table.
func Example() {
	tables, streams, closeStore, err := openTables()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeStore()
	_, err = tables.Create(table.Spec{
		Name:   "users",
		Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}},
		View:   stream.NewAndOldImages,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	user := item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "name", Value: item.S("Ada")})
	for _, it := range []item.Item{user, user.With("name", item.S("Grace"))} {
		if _, err := tables.Put(context.Background(), table.PutRequest{Table: "users", Item: it}); err != nil {
			fmt.Println(err)
			return
		}
	}

	page, err := streams.OfTable("users")[0].Read(0, 100, 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range page.Records {
		fmt.Printf("%s %s -> %s\n", r.Op, item.AppendPlainItem(nil, r.Old), item.AppendPlainItem(nil, r.New))
	}
	// Output:
	// INSERT {} -> {"id":"u1","name":"Ada"}
	// MODIFY {"id":"u1","name":"Ada"} -> {"id":"u1","name":"Grace"}
}

// A condition that is not satisfied refuses the write, and the error holds the
// item as it is.
func ExampleTables_Put_condition() {
	tables, _, closeStore, err := openTables()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeStore()
	schema := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	if _, err := tables.Create(table.Spec{Name: "users", Schema: schema}); err != nil {
		fmt.Println(err)
		return
	}
	isNew, err := expr.NewParser(nil, nil).Condition("ConditionExpression", "attribute_not_exists(id)")
	if err != nil {
		fmt.Println(err)
		return
	}
	put := table.PutRequest{Table: "users", Item: item.MapOf(item.Field{Name: "id", Value: item.S("u1")}), Condition: isNew}
	for range 2 {
		_, err := tables.Put(context.Background(), put)
		var failed *table.ConditionError
		if errors.As(err, &failed) {
			fmt.Printf("exists already: %s\n", item.AppendPlainItem(nil, failed.Item))
			continue
		}
		fmt.Println("stored", err)
	}
	// Output:
	// stored <nil>
	// exists already: {"id":"u1"}
}
