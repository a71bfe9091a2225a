package table_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// nested returns a map of so many levels under the attribute a, each of which
// holds the next under a.
func nested(levels int) item.Item {
	v := item.S("x")
	for range levels - 1 {
		v = item.M(item.MapOf(item.Field{Name: "a", Value: v}))
	}
	return item.MapOf(item.Field{Name: "id", Value: item.S("deep")}, item.Field{Name: "a", Value: v})
}

// No write makes an item of more levels than requests may have: it could not be
// answered, mapped or written again.
func TestDeepItems(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := f.tables.Put(ctx, table.PutRequest{Table: "users", Item: nested(item.MaxDepth)}); err != nil {
		t.Fatal(err)
	}
	var deep *item.Error
	if _, err := f.tables.Put(ctx, table.PutRequest{Table: "users", Item: nested(item.MaxDepth + 1)}); !errors.As(err, &deep) || !strings.Contains(deep.Msg, "Nesting Levels") {
		t.Errorf("put: %v", err)
	}
	if _, err := f.tables.Put(ctx, table.PutRequest{Table: "users", Item: nested(20)}); err != nil {
		t.Fatal(err)
	}
	key := it(t, `{"id":{"S":"deep"}}`)
	for times, ok := range map[int]bool{11: true, 13: false, 19: false} { // the map of 20 levels below so many others
		path := "a" + strings.Repeat(".a", times)
		update, err := expr.NewParser(nil, nil).Update("SET " + path + " = a")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.tables.Modify(ctx, table.UpdateRequest{Table: "users", Key: key, Update: update})
		if ok != (err == nil) || err != nil && !errors.As(err, &deep) {
			t.Errorf("SET %s = a: %v", path, err)
		}
		if _, err := f.tables.Put(ctx, table.PutRequest{Table: "users", Item: nested(20)}); err != nil {
			t.Fatal(err)
		}
	}
}

// What an earlier version stored can be read, however deep it is.
func TestReadsDeepItems(t *testing.T) {
	deep := nested(100)
	got, err := item.DecodeBinary(item.AppendBinary(nil, deep))
	if err != nil || !slices.EqualFunc(got, deep, func(a, b item.Field) bool { return a.Name == b.Name && item.Equal(a.Value, b.Value) }) {
		t.Errorf("%v", err)
	}
}
