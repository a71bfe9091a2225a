package acceptance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/table"
)

func parse(t *testing.T, text string) *config.File {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const twoEvents = `
tables: { users: { key: id, stream: %s } }
events:
  Created: { from: users, on: insert, source: s }
  Removed: { from: users, on: remove, source: s }
`

// A removal on a stream of new images has no image; it must raise its event
// with the keys, and harm nothing.
func TestRemoveOnEveryView(t *testing.T) {
	for view, want := range map[string]string{
		"keys-only": `Removed {"id":"u"}`, "new-image": `Removed {"id":"u"}`,
		"old-image": `Removed {"id":"u","n":1}`, "new-and-old-images": `Removed {"id":"u","n":1}`,
	} {
		node := openNode(t, parse(t, fmt.Sprintf(twoEvents, view)))
		change(t, node, "insert", `{"id":{"S":"u"},"n":{"N":"1"}}`)
		change(t, node, "remove", `{"id":{"S":"u"}}`)
		if got := events(t, node); len(got) != 2 || got[1] != want {
			t.Errorf("%s: %v", view, got)
		}
	}
}

// A definition that is new to a folder starts at the end of the stream, or, if
// it says so, at the oldest record; what was raised before is not raised again.
func TestStarts(t *testing.T) {
	fs := vfs.NewMem()
	open := func(text string) *tablecast.Node {
		node, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: parse(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	base := "tables: { users: { key: id, stream: new-image } }\nevents:\n  A: { from: users, source: s }\n"
	node := open(base)
	change(t, node, "insert", `{"id":{"S":"u1"}}`)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	node = open(base + "  B: { from: users, source: s }\n  C: { from: users, source: s, start: trim-horizon }\n")
	change(t, node, "insert", `{"id":{"S":"u2"}}`)
	want := `A {"id":"u1"}|C {"id":"u1"}|A {"id":"u2"}|B {"id":"u2"}|C {"id":"u2"}`
	if got := strings.Join(events(t, node), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// Nothing of a node runs on after Close.
func TestCloseLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: parse(t, fmt.Sprintf(twoEvents, "new-image"))})
	if err != nil {
		t.Fatal(err)
	}
	change(t, node, "insert", `{"id":{"S":"u"}}`)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// Rules and targets that a file no longer names go away; what was pending for
// them is counted as dropped (P6).
func TestStaleRules(t *testing.T) {
	fs := vfs.NewMem()
	text := "tables: { users: { key: id } }\nevents: { A: { from: users, source: s } }\n"
	rule := "rules: { r: { pattern: { source: [s] }, targets: [ { webhook: \"http://127.0.0.1:1/\" } ] } }\n"
	node, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: parse(t, text+rule)})
	if err != nil {
		t.Fatal(err)
	}
	insert(t, node, `{"id":{"S":"u"}}`)
	for len(node.Queues().States()) == 0 || node.Queues().States()[0].Matched == 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	node, err = tablecast.Open("data", tablecast.Options{FS: fs, Config: parse(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	if rules, err := node.Buses().Rules("default", ""); err != nil || len(rules) != 0 {
		t.Errorf("rules %v, %v", rules, err)
	}
	if c := node.Queues().Counts("default", "r"); c.Matched != 1 || c.Dropped != 1 {
		t.Errorf("counts %+v", c)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that is changed gives the tables of a folder its indexes and their
// time to live; what cannot change is refused.
func TestTablesFollowTheFile(t *testing.T) {
	fs := vfs.NewMem()
	open := func(fields string) (*tablecast.Node, error) {
		return tablecast.Open("data", tablecast.Options{FS: fs, Config: parse(t, `tables: { users: { key: "id, at", `+fields+` } }`)})
	}
	for _, c := range []struct {
		fields, ttl string
		indexes     int
	}{
		{`indexes: { by-date: { key: "id, date", local: true } }`, "", 1},
		{`indexes: { by-email: { key: email }, by-name: { key: name } }, ttl: ends`, "ends", 3},
		{`indexes: { by-email: { key: email, project: keys } }, ttl: until`, "until", 3},
		{`indexes: { by-place: { partition: "name, email", sort: "date, at" } }`, "until", 4},
		{`indexes: { by-place: { partition: "name, email", sort: "date, id" } }`, "until", 4},
		{`stream: new-image`, "until", 4},
	} {
		node, err := open(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		change(t, node, "insert", fmt.Sprintf(`{"id":{"S":"u"},"at":{"S":"%d"},"email":{"S":"e"},"name":{"S":"n"},"date":{"S":"d"}}`, len(c.fields)))
		attribute, _, err := node.Tables().TTL("users")
		if err != nil || attribute != c.ttl {
			t.Errorf("%s: time to live %q, %v", c.fields, attribute, err)
		}
		d, err := node.Tables().Describe("users")
		if err != nil || len(d.Indexes) != c.indexes {
			t.Errorf("%s: %+v, %v", c.fields, d.Indexes, err)
		}
		if x := d.Indexes[len(d.Indexes)-1]; x.Name == "by-place" && !strings.Contains(c.fields, "stream") && !strings.Contains(c.fields, x.Schema.MoreRange[0].Name+`" }`) {
			t.Errorf("%s: the key is %+v", c.fields, x.Schema)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(`indexes: { by-date: { key: "id, other", local: true } }`); err == nil || !strings.Contains(err.Error(), "local indexes cannot change") {
		t.Errorf("another local index: %v", err)
	}
}

// A file whose indexes cannot stand beside those that a table keeps changes nothing,
// and the error says what keeps them.
func TestIndexesThatContradictTheFolder(t *testing.T) {
	users := func(indexes string) string { return "tables: { users: { key: id, indexes: { " + indexes + " } } }\n" }
	node := openNode(t, parse(t, users("by-age: { key: age }")))
	var many []string
	for i := range table.MaxGlobalIndexes {
		many = append(many, fmt.Sprintf("by-age%d: { key: age }", i))
	}
	for want, indexes := range map[string]string{
		"Attributes cannot be redefined": "by-years: { key: { age: N } }",
		"too many global indexes":        strings.Join(many, ", "),
	} {
		text := strings.Replace(users(indexes), "{ users", "{ another: { key: id }, users", 1)
		err := node.Reload(t.Context(), parse(t, text))
		if err == nil || !strings.Contains(err.Error(), "table users: ") || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "until UpdateTable deletes it") {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := node.Tables().Describe("another"); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("%s: another table of the file: %v", want, err)
		}
	}
	if err := node.Reload(t.Context(), parse(t, users("by-age: { key: { age: N } }"))); err != nil {
		t.Error(err)
	}
}

// The file's settings of streams reach them.
func TestStreamSettings(t *testing.T) {
	node := openNode(t, parse(t, "streams: { shards: 7 }\ntables: { users: { key: id, stream: new-image } }\n"))
	if n := len(node.Streams().OfTable("users")[0].Shards()); n != 7 {
		t.Errorf("%d shards", n)
	}
}
