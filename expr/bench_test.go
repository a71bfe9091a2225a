package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// numbers returns the set of n numbers from first on, each step more.
func numbers(tb testing.TB, first, step int64, n int) item.Value {
	tb.Helper()
	members := make([]item.Value, n)
	for i := range members {
		members[i] = item.NumOf(first + step*int64(i)).Value()
	}
	v, err := item.Set(item.NumberSet, members)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// benchmarkUpdate measures Apply, which runs while the item is locked.
func benchmarkUpdate(b *testing.B, text string, values expr.Values, it item.Item) {
	b.Helper()
	u, err := expr.NewParser(nil, values).Update(text)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := u.Apply(it); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdateSets(b *testing.B) {
	for _, n := range []int{1_000, 25_000} {
		it := item.MapOf(item.Field{Name: "s", Value: numbers(b, 0, 2, n)})
		for _, action := range []string{"ADD", "DELETE"} {
			b.Run(fmt.Sprintf("%s/%d", action, n), func(b *testing.B) {
				benchmarkUpdate(b, action+" s :v", expr.Values{":v": numbers(b, 1, 1, n)}, it)
			})
		}
	}
}

func BenchmarkUpdateList(b *testing.B) {
	list := make([]item.Value, 100_000)
	for i := range list {
		list[i] = item.BoolOf(i%2 == 0)
	}
	it := item.MapOf(item.Field{Name: "l", Value: item.L(list...)})
	var paths []string
	for i := range 400 {
		paths = append(paths, fmt.Sprintf("l[%d]", 200*i))
	}
	b.Run("REMOVE/400", func(b *testing.B) { benchmarkUpdate(b, "REMOVE "+strings.Join(paths, ","), nil, it) })
}
