package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// retention is how long streams keep their records here.
const retention = 10 * time.Minute

// A folder is a store with a table users and a sink that keeps events in the
// same store, in the batch that holds the relay's mark.
type folder struct {
	t       testing.TB
	store   *kv.Store
	streams *stream.Streams
	tables  *table.Tables
	batched int // users that batch wrote
}

func openFolder(t testing.TB, fs vfs.FS) *folder {
	t.Helper()
	store := kvtest.Open(t, "data", kv.Options{FS: fs})
	streams, err := stream.Open(store, stream.Options{Retention: retention})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := table.Open(store, streams, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &folder{t: t, store: store, streams: streams, tables: tables}
}

// newFolder is a folder in memory that has the table, with a stream.
func newFolder(t testing.TB) *folder {
	t.Helper()
	f := openFolder(t, vfs.NewMem())
	f.create()
	return f
}

func (f *folder) create() {
	f.t.Helper()
	_, err := f.tables.Create(table.Spec{
		Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: stream.NewAndOldImages,
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) put(id string) {
	f.t.Helper()
	user := item.MapOf(item.Field{Name: "id", Value: item.S(id)})
	if _, err := f.tables.Put(f.t.Context(), table.PutRequest{Table: "users", Item: user}); err != nil {
		f.t.Fatal(err)
	}
}

// turn disables the table's stream, or enables a new one.
func (f *folder) turn(on bool) {
	f.t.Helper()
	change := table.Change{Stream: &table.StreamChange{Enabled: on, View: stream.NewImage}}
	if _, err := f.tables.Update("users", change); err != nil {
		f.t.Fatal(err)
	}
}

// keep is a sink: the events and the mark are one batch.
func (f *folder) keep(_ context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
	b := f.store.NewBatch()
	b.Number(len(events), func(first uint64) {
		for i := range events {
			b.Set(kv.NewKey('e').Uint64(first+uint64(i)), events[i].Event.AppendBinary(nil))
		}
	})
	mark(b)
	_, err := f.store.Commit(b)
	return err
}

// events returns "type detail" of what the sink kept, in order.
func (f *folder) events() []string {
	f.t.Helper()
	var out []string
	it := f.store.Scan(kv.Prefix(kv.NewKey('e')))
	for it.Next() {
		e, err := event.DecodeBinary(it.Value())
		if err != nil {
			f.t.Fatal(err)
		}
		out = append(out, e.DetailType+" "+string(e.Detail))
	}
	if err := it.Close(); err != nil {
		f.t.Fatal(err)
	}
	return out
}

// relay returns a prepared relay of the definitions.
func (f *folder) relay(o Options, defs ...mapping.Definition) *Relay {
	f.t.Helper()
	o.Store, o.Streams, o.Table, o.Definitions = f.store, f.streams, "users", defs
	if o.Set == nil {
		o.Set = mapping.NewSet(defs, mapping.Options{})
	}
	o.Delete, o.Scan = f.delete, f.scan
	if o.Sink == nil {
		o.Sink = f.keep
	}
	r := New(o)
	if err := r.Prepare(); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// definition raises an event with the item's id for each insert.
func definition(name string) mapping.Definition {
	id, err := mapping.Scope{}.Text("${keys.id}")
	if err != nil {
		panic(err)
	}
	return mapping.Definition{
		Name: name, Table: "users", On: []mapping.Kind{mapping.Insert}, Source: "test", Bus: "default",
		Detail: mapping.Object([]string{"id"}, []*mapping.Template{id}),
	}
}

func fromHorizon(d mapping.Definition) mapping.Definition {
	d.FromHorizon = true
	return d
}

// runs runs the relay during fn, and waits for its end.
func runs(t testing.TB, r *Relay, fn func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	fn()
	cancel()
	running.Wait()
}

// drain runs the relay until it has dealt with everything, and checks that it
// never goes back.
func drain(t testing.TB, r *Relay) {
	t.Helper()
	runs(t, r, func() { await(t, r, func(s Status) bool { return s.Position >= s.End }) })
}

// await returns once the status is as wanted.
func await(t testing.TB, r *Relay, want func(Status) bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(20 * time.Second)
	var before uint64
	for range tick.C {
		s := r.Status()
		if s.Position < before {
			t.Fatalf("the cursor went back from %d to %d", before, s.Position)
		}
		before = s.Position
		if want(s) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %+v", s)
		}
	}
}

// expect compares the kept events.
func (f *folder) expect(want ...string) {
	f.t.Helper()
	got := f.events()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.t.Errorf("events\n got %v\nwant %v", got, want)
	}
}

// of is the event of one user.
func of(name string, n int) string { return name + ` {"id":"` + user(n) + `"}` }

func user(n int) string { return "u" + strconv.Itoa(n) }

// definitions are those of a map from names to first users; whichever begins
// before the user that is written next begins at the horizon.
func definitions(since map[string]int, written int) []mapping.Definition {
	var out []mapping.Definition
	for _, name := range slices.Sorted(maps.Keys(since)) {
		d := definition(name)
		d.FromHorizon = since[name] < written
		out = append(out, d)
	}
	return out
}

// delete deletes an item that is still as given.
func (f *folder) delete(ctx context.Context, it item.Item) error {
	return f.tables.DeleteUnchanged(ctx, "users", it)
}

func (f *folder) scan(ctx context.Context, after item.Item, limit int) ([]item.Item, item.Item, uint64, error) {
	p, err := f.tables.Scan(ctx, table.ScanRequest{Table: "users", Start: after, Limit: limit, WithSeq: true})
	return p.Items, p.Last, p.Seq, err
}

// write puts an item of some attributes in wire JSON.
func (f *folder) write(id, attributes string) {
	f.t.Helper()
	var it item.Map
	if err := json.Unmarshal([]byte(`{"id":{"S":"`+id+`"}`+attributes+`}`), &it); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.tables.Put(f.t.Context(), table.PutRequest{Table: "users", Item: it}); err != nil {
		f.t.Fatal(err)
	}
}

// raising raises an event of each insert and change that shows the attribute n,
// and fails for items without.
func raising(name string) mapping.Definition {
	n, err := mapping.Scope{}.Text("${new.n}")
	if err != nil {
		panic(err)
	}
	id, err := mapping.Scope{}.Text("${keys.id}")
	if err != nil {
		panic(err)
	}
	return mapping.Definition{
		Name: name, Table: "users", On: []mapping.Kind{mapping.Insert, mapping.Modify}, Source: "test", Bus: "default",
		Detail: mapping.Object([]string{"id", "n"}, []*mapping.Template{id, n}),
	}
}
