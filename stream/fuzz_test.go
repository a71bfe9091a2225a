package stream

import (
	"reflect"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
)

var fuzzSchema = item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}

// A stored record that is read is the same when it is written and read again.
func FuzzRecord(f *testing.F) {
	old := item.MapOf(item.Field{Name: "id", Value: item.S("a")}, item.Field{Name: "n", Value: item.L(item.NullValue())})
	for _, view := range []View{KeysOnly, NewImage, OldImage, NewAndOldImages} {
		c := Change{Old: old, New: old.With("x", item.S("y")), Expired: true, Trace: trace.Parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}
		f.Add(c.encode(view, fuzzSchema, time.UnixMilli(1)))
	}
	f.Add([]byte{byte(Insert), 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again Record
		if r.decode(fuzzSchema, b) != nil || r.Op == Modify && (r.New == nil || r.Old == nil) {
			return
		}
		c, view := Change{Old: r.Old, New: r.New, Expired: r.Expired, Trace: r.Trace}, NewAndOldImages
		if c.op() != r.Op {
			return // of another view, which has only one of the images
		}
		if err := again.decode(fuzzSchema, c.encode(view, fuzzSchema, r.Time)); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		again.Size = r.Size
		if !reflect.DeepEqual(r, again) {
			t.Errorf("%+v came back as %+v", r, again)
		}
	})
}

// Whatever iterators say, reading them fails or yields records, and the one to go
// on with can be read.
func FuzzIterator(f *testing.F) {
	store := kvtest.NewMem(f)
	streams, err := Open(store, Options{Rotate: 1000 * time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	b := store.NewBatch()
	st := streams.Create(b, Spec{Table: "users", Schema: fuzzSchema, View: NewImage, At: time.Now()})
	st.Append(b, time.Now(), []Change{{Partition: []byte("a"), New: item.MapOf(item.Field{Name: "id", Value: item.S("a")})}})
	if _, err := store.Commit(b); err != nil {
		f.Fatal(err)
	}
	shard := st.Shards()[0].ID
	f.Add(st.token(shard, 0), 1)
	f.Add(st.token(shard, 1<<64-1), 1000)
	f.Add(st.token("shardId-00000", 1), -1)
	f.Add(st.ARN()+"|1|AAAA", 1)
	f.Fuzz(func(t *testing.T, token string, limit int) {
		records, next, err := streams.Records(token, limit, 1<<20)
		if err != nil && (records != nil || next != "") {
			t.Errorf("%q: %v with %d records", token, err, len(records))
		}
		if next != "" {
			if _, _, err := streams.Records(next, 1, 1<<20); err != nil {
				t.Errorf("%q leads to %q: %v", token, next, err)
			}
		}
	})
}
