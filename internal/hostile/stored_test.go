package hostile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

const storedConfig = `
tables:
  users: { key: id, stream: new-and-old-images, ttl: ends, indexes: { by-n: { key: n } } }
  lines: { key: { pk: S, sk: N }, indexes: { by-date: { key: { pk: S, date: S }, local: true } } }
  shop: { key: id, stream: keys-only }
put-events: { deduplication: 10m }
buses: [main]
archives: { all: { bus: main } }
events:
  UserCreated: { from: users, on: [insert, modify], bus: main, detail: { id: "${new.id}", must: "${new.must}" } }
rules:
  fails: { bus: main, pattern: { source: [mine] }, targets: [ { go: fails, order: true, retry: { attempts: 100 } } ] }
  refuses: { bus: main, pattern: { source: [mine] }, targets: [ { go: refuses } ] }
  works: { bus: main, pattern: { source: [{ prefix: "" }] }, targets: [ { go: works } ] }
  timed: { schedule: rate(1 minute), targets: [ { go: works } ] }
`

// storedTargets are what the rules call.
var storedTargets = map[string]target.Target{
	"works": target.Func(func(context.Context, *target.Delivery) (target.Response, error) { return target.Response{}, nil }),
	"fails": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
		return target.Response{}, errors.New("down")
	}),
	"refuses": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
		return target.Response{}, &target.Error{Code: target.CodeClientError, Msg: "no", Permanent: true}
	}),
}

// openStored opens the folder of the test.
func openStored(fs vfs.FS) (*tablecast.Node, error) {
	file, err := config.Parse("stored.yaml", []byte(storedConfig))
	if err != nil {
		return nil, err
	}
	return tablecast.Open("data", tablecast.Options{FS: fs, Config: file, Targets: storedTargets})
}

// fillStored makes a folder that holds a value of each form that can be had without
// functions, and returns it with one key of each.
func fillStored(f *testing.F) (*vfs.MemFS, []kv.Key) {
	f.Helper()
	fs := vfs.NewCrashableMem()
	node, err := openStored(fs)
	must := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	must(err)
	ctx := f.Context()
	field := func(name, text string) item.Field { return item.Field{Name: name, Value: item.S(text)} }
	_, err = node.Tables().Put(ctx, table.PutRequest{Table: "users", Item: item.MapOf(field("id", "a"), field("n", "x"), field("must", "m"))})
	must(err)
	_, err = node.Tables().Put(ctx, table.PutRequest{Table: "users", Item: item.MapOf(field("id", "b"))})
	must(err)
	one, err := item.N("1")
	must(err)
	_, _, err = node.Tables().Transact(ctx, table.Transaction{Token: "t", Requests: []table.Request{
		table.PutRequest{Table: "lines", Item: item.MapOf(field("pk", "p"), item.Field{Name: "sk", Value: one}, field("date", "d"))},
	}})
	must(err)
	_, err = node.Buses().Put(ctx, []bus.Entry{{Bus: "main", Source: "mine", DetailType: "d", Detail: []byte(`{"a":1}`), Group: "g", DeduplicationID: "once"}})
	must(err)
	_, err = node.Connections().Create(connection.Connection{Name: "c", Kind: connection.Basic}, connection.AuthParameters{Username: "u", Password: "p"})
	must(err)
	_, err = node.Connections().CreateDestination(connection.Destination{Name: "d", Connection: "c", Endpoint: "https://example.com/", Method: "POST"})
	must(err)
	_, err = node.Buses().StartReplay(bus.Replay{Name: "again", Archive: "all", Bus: "main", From: time.Unix(0, 0), To: time.Now().Add(time.Hour)})
	must(err)
	for settled := false; !settled; {
		settled = true
		for _, s := range node.Queues().States() {
			settled = settled && (s.ID.Rule != "refuses" || s.DeadLettered > 0) && (s.ID.Rule != "works" || s.Delivered > 0)
		}
		for _, r := range node.Relays() {
			settled = settled && r.Position >= r.End
		}
	}
	keys := oneOfEach(node.Snapshot())
	must(node.Close())
	return fs, keys
}

// oneOfEach returns the first key of each kind: those whose first byte, and second
// if it is a letter or a small integer, differ.
func oneOfEach(s *kv.Snapshot) (keys []kv.Key) {
	defer s.Close()
	seen := map[string]bool{}
	it := s.Scan(kv.Range{})
	defer it.Close()
	for it.Next() {
		k := it.Key()
		kind := string(k[:min(len(k), 2)])
		if len(k) >= 9 && k[1] == 0 {
			kind = string(k[:9])
		}
		if !seen[kind] {
			seen[kind] = true
			keys = append(keys, kv.Key(append([]byte(nil), k...)))
		}
	}
	return keys
}

// elsewhere are keys that the folder of the test has not, and what may stand there.
var elsewhere = map[string]struct {
	key   kv.Key
	value string
}{
	"function":         {kv.NewKey('f').Uint64(0).String("hear"), `{"name":"hear","runtime":"provided","seconds":3,"memory":128,"code":{"dir":"/nowhere","size":1,"sha256":"x"},"revision":"r","modified":"2030-01-02T03:04:05Z"}`},
	"invocation":       {kv.NewKey('f').Uint64(2).Uint64(7), `{"function":"hear","payload":{},"at":"2030-01-02T03:04:05Z","attempts":1}`},
	"dead invocation":  {kv.NewKey('f').Uint64(3).String("hear").Uint64(7), `{"function":"hear","payload":{}}`},
	"mapping":          {kv.NewKey('v').Uint64(0).String("u"), `{"uuid":"u","stream":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/x","start":"LATEST","function":"hear","batch":10,"modified":"2030-01-02T03:04:05Z"}`},
	"checkpoint":       {kv.NewKey('v').Uint64(1).String("u").Uint64(1), `{"seq":3,"retry":{"attempts":1},"window":{"state":{}}}`},
	"counts":           {kv.NewKey('v').Uint64(1).String("u").Uint64(1<<64 - 1), `{"redriven":1}`},
	"parked for it":    {kv.NewKey('v').Uint64(2).String("u").String(`{"id":{"S":"a"}}`).Uint64(1), `{"reason":"r","at":"2030-01-02T03:04:05Z","record":{"eventName":"INSERT","eventSourceARN":"arn:aws:dynamodb:r:1:table/t/stream/l","dynamodb":{"Keys":{},"SequenceNumber":"1"}}}`},
	"backfill":         {kv.NewKey('l').String("users").String("UserCreated"), `{"id":"b","table":"users","definition":"UserCreated","at":null,"done":1}`},
	"outbox":           {kv.NewKey('o').String("users").Uint64(1).Uint64(0), `{"id":{"S":"a"}}`},
	"collection":       {kv.NewKey('t').Uint64(3).Uint64(2).Raw(item.AppendKey(nil, item.S("p"))), "\x00\x00\x00\x00\x00\x00\x00\x07"},
	"index being made": {kv.NewKey('t').Uint64(4).Uint64(3), "x"},
}

// Whatever stands under a key of the store, the node opens and reads what it can,
// or refuses with an error; it never panics or hangs.
func FuzzStored(f *testing.F) {
	fs, keys := fillStored(f)
	if len(keys) < 20 {
		f.Fatalf("only %d kinds of keys: %q", len(keys), keys)
	}
	for i := range keys {
		for _, v := range [][]byte{{}, {1}, []byte("{}"), {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}} {
			f.Add(uint16(i), v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		x := elsewhere[name]
		keys = append(keys, x.key)
		f.Add(uint16(len(keys)-1), []byte(x.value))
		f.Add(uint16(len(keys)-1), []byte(x.value[:len(x.value)/2]))
		f.Add(uint16(len(keys)-1), []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, which uint16, value []byte) {
		key := keys[int(which)%len(keys)]
		copied := fs.CrashClone(vfs.CrashCloneCfg{})
		store, err := kv.Open("data", kv.Options{FS: copied})
		if err != nil {
			t.Fatal(err)
		}
		b := store.NewBatch()
		b.Set(key, value)
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		node, err := openStored(copied)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		readStored(ctx, node)
		if err := node.Close(); err != nil {
			t.Logf("%q: %v", key, err)
		}
		if ctx.Err() != nil {
			t.Errorf("%q: it took 10 s", key)
		}
	})
}

// readStored reads all there is, and writes; errors are what the folder deserves.
func readStored(ctx context.Context, node *tablecast.Node) {
	for _, name := range []string{"users", "lines", "shop"} {
		_, _ = node.Tables().Scan(ctx, table.ScanRequest{Table: name})
		_, _ = node.Tables().Describe(name)
		for _, st := range node.Streams().OfTable(name) {
			_, _ = st.Read(0, 100, 1<<20)
			_ = st.Shards()
		}
		_ = node.Parked(ctx, name, parking.Selection{}, func(r *parking.Record) bool { _ = r.Encode(); return true })
		_, _ = node.Backfills(name)
	}
	_, _ = node.Tables().Scan(ctx, table.ScanRequest{Table: "users", Index: "by-n"})
	_, _ = node.Tables().Put(ctx, table.PutRequest{Table: "users", Item: item.MapOf(item.Field{Name: "id", Value: item.S("a")}, item.Field{Name: "must", Value: item.S("x")})})
	_ = node.Buses().Events("main", 0, func(uint64, *event.Event) bool { return true })
	_, _ = node.Buses().Archives()
	_ = node.Buses().Replays()
	_, _ = node.Buses().Put(ctx, []bus.Entry{{Bus: "main", Source: "mine", DetailType: "d", Detail: []byte(`{}`), DeduplicationID: "once"}})
	_ = node.Queues().DeadLetters(ctx, delivery.DeadFilter{}, func(d delivery.DeadLetter) bool { return true })
	_, _ = node.Queues().Redrive(ctx, delivery.DeadFilter{}, func(delivery.RedriveResult) {})
	_, _, _ = node.Connections().Describe("c")
	_, _, _ = node.Connections().Destination("d")
	_, _ = node.EventSources().Quiet()
	_ = fmt.Sprint(node.Relays(), node.Queues().States(), node.Ready())
}
