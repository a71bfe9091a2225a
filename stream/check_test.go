package stream_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// check returns what is wrong with the streams of a store, one fault a line.
func check(t *testing.T, store *kv.Store) string {
	t.Helper()
	snapshot := store.Snapshot()
	defer snapshot.Close()
	last, err := snapshot.Seq()
	if err != nil {
		t.Fatal(err)
	}
	r := &fsck.Report{}
	stream.Check(snapshot, last, r)
	some, _ := r.Faults()
	var lines []string
	for _, f := range some {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Each kind of inconsistency is named; a stream that was rotated, split and disabled
// has none.
func TestCheckNamesWhatIsPlanted(t *testing.T) {
	record := func(shard, seq uint64) kv.Key { return kv.NewKey('r').Uint64(1).Uint64(shard).Uint64(seq) }
	for _, c := range []struct {
		name  string
		plant func(b *kv.Batch, key, value []byte, last uint64)
		want  string
	}{
		{"damaged record", func(b *kv.Batch, key, value []byte, _ uint64) { b.Set(key, value[:len(value)-1]) }, "malformed"},
		{"record above the last commit", func(b *kv.Batch, key, value []byte, last uint64) {
			b.Set(append(bytes.Clone(key[:len(key)-8]), binary.BigEndian.AppendUint64(nil, last+9)...), value)
		}, "above the last commit"},
		{"record outside of its shard", func(b *kv.Batch, _, value []byte, _ uint64) { b.Set(record(0, 1<<40), value) }, "not among the numbers of its shard"},
		{"record of another shard", func(b *kv.Batch, key, value []byte, last uint64) {
			other := kv.ReadKey(key)
			other.Uint64()
			b.Set(record(4+(other.Uint64()+1)%4, last), value)
		}, "to which its key does not belong"},
		{"record of no shard", func(b *kv.Batch, _, value []byte, _ uint64) { b.Set(record(99, 7), value) }, "shard 99 of stream 1, which does not exist"},
		{"short key", func(b *kv.Batch, key, value []byte, _ uint64) { b.Set(key[:len(key)-3], value) }, "is malformed"},
		{"descriptor", func(b *kv.Batch, _, _ []byte, _ uint64) { b.Set(kv.NewKey('s').Uint64(1), []byte("[]")) }, "descriptor of stream 1 cannot be read"},
		{"next id", func(b *kv.Batch, _, _ []byte, _ uint64) {
			b.Set(kv.NewKey('s').Uint64(0), binary.BigEndian.AppendUint64(nil, 1))
		}, "the next id is 1"},
	} {
		st, _, store := open(t, stream.NewImage)
		put(t, store, st, "u1", nil, user("u1", "ada"))
		if err := st.Rotate(); err != nil {
			t.Fatal(err)
		}
		put(t, store, st, "u1", user("u1", "ada"), user("u1", "grace"))
		if faults := check(t, store); faults != "" {
			t.Fatalf("before: %s", faults)
		}
		var key, value []byte
		it := store.Scan(kv.Prefix(kv.NewKey('r')))
		for it.Next() {
			key, value = bytes.Clone(it.Key()), bytes.Clone(it.Value())
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		b := store.NewBatch()
		c.plant(b, key, value, store.Applied())
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if faults := check(t, store); !strings.Contains(faults, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, faults)
		}
	}
}

// Shards whose numbers cross are named.
func TestCheckNamesCrossingShards(t *testing.T) {
	for was, is := range map[string][2]string{
		"its parent":           {`"first":`, `"first":0,"was":`},
		"takes the lowest":     {`"shards":[`, `"shards":[],"were":[`},
		"were trimmed":         {`"shards":`, `"trimmed":99,"shards":`},
		"to 99, and the last":  {`"last":`, `"last":99,"was":`},
		"order of the numbers": {`"number":1,`, `"number":0,`},
	} {
		st, _, store := open(t, stream.NewImage)
		put(t, store, st, "u1", nil, user("u1", "ada"))
		if err := st.Split(); err != nil {
			t.Fatal(err)
		}
		key := kv.NewKey('s').Uint64(1)
		text, err := store.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		b := store.NewBatch()
		b.Set(key, bytes.ReplaceAll(text, []byte(is[0]), []byte(is[1])))
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if faults := check(t, store); !strings.Contains(faults, was) {
			t.Errorf("%q is not in\n%s", was, faults)
		}
	}
}
