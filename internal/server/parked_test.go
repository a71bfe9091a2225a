package server

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// Once the events of a table are gone from the file, what it parked is listed still,
// and a backfill that was under way is not.
func TestParkedOfTableWithoutEvents(t *testing.T) {
	fs := vfs.NewMem()
	open := func(text string) *tablecast.Node {
		t.Helper()
		file, err := config.Parse("f", []byte("tables: { users: { key: id } }\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		node, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: file})
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	node := open("events: { E: { from: users, on: insert, detail: { n: \"${new.n}\" } } }\n")
	for _, id := range []string{"a", "b", "c"} {
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: item.MapOf(item.Field{Name: "id", Value: item.S(id)})}); err != nil {
			t.Fatal(err)
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for node.Relay("users").Status().Parked < 3 {
		<-tick.C
	}
	if _, err := node.Relay("users").StartBackfill(t.Context(), "E", "run", 1); err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	node = open("")
	defer node.Close()
	for _, in := range []parkedIn{{}, {Table: "users"}, {Event: "E"}} {
		answer := httptest.NewRecorder()
		err := administration{node: node}.parked(t.Context(), in, &lines{w: answer})
		if got := strings.Count(answer.Body.String(), `"definition":"E"`); err != nil || got < 3 {
			t.Errorf("%+v: %d records, %v", in, got, err)
		}
	}
	if all, err := node.Backfills("users"); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
