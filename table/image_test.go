package table

import (
	"bytes"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// The row, the entries of indexes that project all attributes, and the change
// record use one encoding of an item.
func TestImageIsEncodedOnce(t *testing.T) {
	table := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	row := item.MapOf(item.Field{Name: "id", Value: item.S("a")}, item.Field{Name: "owner", Value: item.S("ann")})
	own := (&tableState{id: 1, schema: table}).itemKey(row)
	x := newIndex(indexDescriptor{ID: 2, IndexSpec: IndexSpec{
		Schema: item.KeySchema{Hash: item.KeyAttr{Name: "owner", Kind: item.String}}, Projection: ProjectAll,
	}}, table)

	img := newImage(row)
	first := img.encode()
	if !bytes.Equal(first, item.AppendBinary(nil, row)) {
		t.Fatalf("encoded as %q", first)
	}
	if again := img.encode(); &again[0] != &first[0] {
		t.Error("the second call encodes again")
	}
	if value := x.entry(&img, own).value(); &value[0] != &first[0] {
		t.Error("the index encodes the item again")
	}
	w := &write{stored: own, table: &tableState{schema: table}, put: &img, decide: func(item.Item) (item.Item, error) { return row, nil }}
	if err := w.run(kvtest.NewMem(t)); err != nil {
		t.Fatal(err)
	}
	if used := w.now.encode(); &used[0] != &first[0] {
		t.Error("a put encodes the item again while it is locked")
	}
}
