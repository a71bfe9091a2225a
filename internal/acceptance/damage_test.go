package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

// damageNewest cuts the newest change record of a folder that nobody has open.
func damageNewest(t *testing.T, fs vfs.FS) {
	t.Helper()
	store, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	var key, value []byte
	it := store.Scan(kv.Prefix(kv.NewKey('r')))
	for it.Next() { // a key ends with the record's sequence number
		if k := it.Key(); key == nil || bytes.Compare(k[len(k)-8:], key[len(key)-8:]) > 0 {
			key, value = slices.Clone(k), slices.Clone(it.Value())
		}
	}
	b := store.NewBatch()
	b.Set(key, value[:12])
	if _, err := store.Commit(b); err != nil || it.Close() != nil || key == nil {
		t.Fatal(key, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

const twoTables = `
tables: { users: { key: id, stream: new-image }, orders: { key: id, stream: new-image } }
functions: { hear: { handler: none.py } }
`

// A damaged change record halts the relay of its table, or the mapping that reads
// it, and makes the node not ready; the other table goes on, also with another
// file.
func TestDamageHaltsItsTableAlone(t *testing.T) {
	put := func(node *tablecast.Node, name, id string) {
		t.Helper()
		it := item.MapOf(item.Field{Name: "id", Value: item.S(id)})
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: name, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("none.py", []byte("def handler(event, context): pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		"relay":                            twoTables + "events:\n  A: { from: users, source: s, start: trim-horizon }\n  B: { from: orders, source: s }\n",
		"of function hear halted at shard": twoTables + "events:\n  B: { from: orders, source: s }\n",
	} {
		fs := vfs.NewMem()
		open := func(text string) *tablecast.Node {
			node, err := tablecast.Open("data", tablecast.Options{FS: fs, Endpoint: "http://127.0.0.1:1", Config: parse(t, text)})
			if err != nil {
				t.Fatal(err)
			}
			return node
		}
		node := open(twoTables)
		put(node, "users", "u1")
		d, err := node.Tables().Describe("users")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(want, "of function") {
			m := eventsource.Mapping{Stream: d.Stream.ARN(), Start: eventsource.TrimHorizon, Settings: eventsource.Defaults()}
			m.Function, m.Enabled = "hear", false
			if _, err := node.EventSources().Create(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		damageNewest(t, fs)
		node = open(text)
		for _, m := range node.EventSources().List("", 10) {
			if _, err := node.EventSources().Update(m.UUID, func(s *eventsource.Settings) { s.Enabled = true }); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for node.Ready() == nil && ctx.Err() == nil {
			<-tick.C
		}
		if err := node.Ready(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("ready: %v, want %q", err, want)
		}
		put(node, "orders", "o1")
		if err := node.Reload(ctx, parse(t, text+"  C: { from: orders, source: s }\n")); err != nil {
			t.Errorf("%s: reload: %v", want, err)
		}
		put(node, "orders", "o2")
		var got []string
		for len(got) < 3 && ctx.Err() == nil {
			<-tick.C
			got = events(t, node)
		}
		if strings.Join(got, "|") != `B {"id":"o1"}|B {"id":"o2"}|C {"id":"o2"}` {
			t.Errorf("%s: events %v", want, got)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged block that a read meets makes the node not ready, with the file's name,
// until it starts again.
func TestDamagedBlockIsNotReady(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *tablecast.Node {
		node, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: parse(t, "tables: { users: { key: id } }\n")})
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	node := open()
	for i := range 200 {
		it := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprint("u", i))}, item.Field{Name: "v", Value: item.S(strings.Repeat("x", 4000))})
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second start writes what the log has into a table
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		node = open()
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	name, size := "", int64(0)
	all, err := fs.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if info, err := fs.Stat("data/store/" + f); err == nil && strings.HasSuffix(f, ".sst") && info.Size() > size {
			name, size = "data/store/"+f, info.Size()
		}
	}
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), size/3); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	node = open()
	defer node.Close()
	if err := node.Ready(); err != nil {
		t.Fatalf("before a read: %v", err)
	}
	for range 2 {
		it := node.Snapshot()
		scan := it.Scan(kv.Range{})
		for scan.Next() {
		}
		if err := errors.Join(scan.Close(), it.Close()); !errors.Is(err, kv.ErrCorrupt) {
			t.Fatalf("the scan met no damage: %v", err)
		}
		if err := node.Ready(); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), name[len("data/store/"):]) {
			t.Errorf("ready: %v", err)
		}
	}
}
