package stream_test

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// P2: a record that the disk does not have yet is not read, though it is applied.
func TestReadsOnlyWhatIsDurable(t *testing.T) {
	release := make(chan struct{})
	fs := kvtest.NewCutFS(vfs.NewMem(), func() { <-release })
	store, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: "users", Schema: schema, View: stream.NewImage, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	fs.Arm(1) // the log is not written to its end from here on
	b = store.NewBatch()
	a := st.Append(b, time.Now(), []stream.Change{{Partition: item.AppendKey(nil, item.S("a")), New: user("a", "x")}})
	c, err := store.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	if n := readable(t, st); n != 0 {
		t.Errorf("P2: %d records are read before they are durable", n)
	}
	close(release)
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	a.Committed()
	if n := readable(t, st); n != 2 {
		t.Errorf("%d records are read, want one by each way", n)
	}
}

// readable counts the records that Read and ReadShard return.
func readable(t *testing.T, st *stream.Stream) int {
	t.Helper()
	page, err := st.Read(0, 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	n := len(page.Records)
	for _, s := range st.Shards() {
		page, err := st.ReadShard(s.ID, s.First, 10, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Records)
	}
	return n
}
