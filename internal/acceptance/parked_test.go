package acceptance

import (
	"testing"

	"github.com/tablecast/tablecast/config"
)

// A bus that was deleted over the API parks what is meant for it; the events of
// other buses go on.
func TestDeletedBusParks(t *testing.T) {
	file, err := config.Parse("f", []byte(`
tables: { users: { key: id } }
buses: [gone]
events:
  Lost: { from: users, on: modify, bus: gone }
  Kept: { from: users, on: insert, detail: { id: "${new.id}" } }
`))
	if err != nil {
		t.Fatal(err)
	}
	node := openNode(t, file)
	if err := node.Buses().Delete("gone"); err != nil {
		t.Fatal(err)
	}
	change(t, node, "insert", `{"id":{"S":"u1"}}`)
	change(t, node, "insert", `{"id":{"S":"u1"},"n":{"N":"1"}}`)
	change(t, node, "insert", `{"id":{"S":"u2"}}`)
	got := events(t, node)
	if len(got) != 2 || got[0] != `Kept {"id":"u1"}` || got[1] != `Kept {"id":"u2"}` {
		t.Errorf("events %v", got)
	}
	if s := node.Relays()[0]; s.Parked != 1 || s.LastError != "" {
		t.Errorf("%+v", s)
	}
}
