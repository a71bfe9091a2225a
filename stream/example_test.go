package stream_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A reader keeps a position, waits for what comes after it, and reads on. Here
// the change is appended by hand; in a node the tables do that.
func ExampleStream_Read() {
	store, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	user := item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "name", Value: item.S("Ada")})
	b := store.NewBatch()
	users := streams.Create(b, stream.Spec{Table: "users", Schema: key, View: stream.NewImage, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		fmt.Println(err)
		return
	}
	b = store.NewBatch()
	appended := users.Append(b, time.Now(), []stream.Change{{Partition: item.AppendKey(nil, item.S("u1")), New: user}})
	if _, err := store.Commit(b); err != nil {
		fmt.Println(err)
		return
	}
	appended.Committed()

	var position uint64 // 0: from the oldest record
	if err := users.Wait(context.Background(), position); err != nil {
		fmt.Println(err)
		return
	}
	page, err := users.Read(position, 100, 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range page.Records {
		name, _ := r.New.Get("name")
		fmt.Println(r.Op, name.Str())
	}
	position = page.Next // store it once the records are dealt with
	fmt.Println(position == page.Records[len(page.Records)-1].Seq)
	// Output:
	// INSERT Ada
	// true
}
