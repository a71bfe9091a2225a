package stream_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// Shards rotate when they are old and have records, and those that are trimmed
// go from the catalogue; a restart finds them as they were.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, streams, store := open(t, stream.NewImage)
		ctx, cancel := context.WithCancel(t.Context())
		again, err := stream.Open(store, stream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		st, err = again.Get(st.ARN())
		if err != nil {
			t.Fatal(err)
		}
		_ = streams
		done := make(chan error)
		go func() { done <- again.Run(ctx) }()
		put(t, store, st, "u1", nil, user("u1", "ada"))
		time.Sleep(4*time.Hour + 2*time.Minute)
		shards := st.Shards()
		if len(shards) != 5 {
			t.Fatalf("%d shards after 4 hours, want the one with a record rotated", len(shards))
		}
		var parent, child stream.Shard
		for _, s := range shards {
			if !s.Open() {
				parent = s
			}
			if s.Parent != "" {
				child = s
			}
		}
		if child.Parent != parent.ID || child.First <= parent.Last || child.StartHash != parent.StartHash {
			t.Errorf("parent %+v, child %+v", parent, child)
		}
		reopened, err := stream.Open(store, stream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		same, err := reopened.Get(st.ARN())
		if err != nil || fmt.Sprint(same.Shards()) != fmt.Sprint(shards) {
			t.Errorf("after a restart: %v, %v", same.Shards(), err)
		}
		time.Sleep(21 * time.Hour)
		put(t, store, st, "u1", user("u1", "ada"), user("u1", "grace"))
		time.Sleep(5 * time.Hour)
		for _, s := range st.Shards() {
			if s.ID == parent.ID {
				t.Error("a shard that is trimmed whole is still listed")
			}
		}
		if page, err := st.Read(st.Trimmed(), 10, 1<<20); err != nil || len(page.Records) != 1 {
			t.Errorf("%d records, %v", len(page.Records), err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A shard that takes too many records is split.
func TestSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := kvtest.NewMem(t)
		streams, err := stream.Open(store, stream.Options{Shards: 1, SplitAbove: 1})
		if err != nil {
			t.Fatal(err)
		}
		b := store.NewBatch()
		st := streams.Create(b, stream.Spec{Table: "users", Schema: schema, View: stream.NewImage, At: time.Now()})
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- streams.Run(ctx) }()
		for i := range 100 {
			put(t, store, st, fmt.Sprint("u", i), nil, user(fmt.Sprint("u", i), "x"))
		}
		time.Sleep(90 * time.Second)
		before := len(st.Shards())
		time.Sleep(time.Hour)
		if after := len(st.Shards()); before != 3 || after != before {
			t.Errorf("%d shards while hot, %d later", before, after)
		}
		for i := range 100 {
			put(t, store, st, fmt.Sprint("u", i), nil, user(fmt.Sprint("u", i), "y"))
		}
		counts := map[string]int{}
		for _, s := range st.Shards() {
			page, err := st.ReadShard(s.ID, 0, 1000, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			counts[s.Parent] += len(page.Records)
			if s.Parent != "" && (len(page.Records) < 20 || len(page.Records) > 80) {
				t.Errorf("shard %s took %d of 100 records", s.ID, len(page.Records))
			}
		}
		if counts[""] != 100 {
			t.Errorf("records by parent: %v", counts)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
