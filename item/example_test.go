package item_test

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
)

// An item is made of fields in any order and written as DynamoDB's SDKs expect
// it, or as plain JSON.
func Example() {
	total, err := item.N("19.90")
	if err != nil {
		fmt.Println(err)
		return
	}
	tags, err := item.Set(item.StringSet, []item.Value{item.S("new"), item.S("gift")})
	if err != nil {
		fmt.Println(err)
		return
	}
	order := item.MapOf(
		item.Field{Name: "id", Value: item.S("o1")},
		item.Field{Name: "total", Value: total},
		item.Field{Name: "tags", Value: tags},
	)
	fmt.Printf("%s\n", item.AppendJSON(nil, order))
	fmt.Printf("%s\n", item.AppendPlainItem(nil, order))
	// Output:
	// {"id":{"S":"o1"},"tags":{"SS":["gift","new"]},"total":{"N":"19.9"}}
	// {"id":"o1","tags":["gift","new"],"total":19.9}
}

// Items are read from the JSON of DynamoDB's API with package json.
func ExampleMap_Get() {
	var order item.Item
	if err := json.Unmarshal([]byte(`{"id":{"S":"o1"},"lines":{"L":[{"M":{"sku":{"S":"tea"},"count":{"N":"2"}}}]}}`), &order); err != nil {
		fmt.Println(err)
		return
	}
	lines, _ := order.Get("lines")
	for _, line := range lines.List() {
		sku, _ := line.Map().Get("sku")
		count, _ := line.Map().Get("count")
		fmt.Println(sku.Str(), count.Num())
	}
	if _, ok := order.Get("note"); !ok {
		fmt.Println("no note")
	}
	// Output:
	// tea 2
	// no note
}

// Items are immutable: With returns a changed copy.
func ExampleMap_With() {
	before := item.MapOf(item.Field{Name: "id", Value: item.S("o1")})
	after := before.With("state", item.S("paid"))
	fmt.Printf("%s %s %t\n", item.AppendPlainItem(nil, before), item.AppendPlainItem(nil, after), item.EqualItems(before, after))
	// Output: {"id":"o1"} {"id":"o1","state":"paid"} false
}

// Numbers are decimal, with up to 38 digits, and lose nothing.
func ExampleNum_Add() {
	a, err := item.ParseNumber("0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := item.ParseNumber("123456789012345678901234567890.2")
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := a.Add(b)
	fmt.Println(sum, err)
	// Output: 123456789012345678901234567890.3 <nil>
}
