package pattern

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// oneKB is an event of about 1 KB, as a table change raises it.
func oneKB() []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"OrderPlaced","source":"shop.orders",`+
		`"account":"000000000000","time":"2026-11-23T16:40:18Z","region":"local","resources":["arn:aws:dynamodb:local:000000000000:table/orders"],`+
		`"detail":{"id":"o-000045","state":"placed","total":4217.5,"currency":"EUR","address":"10.1.2.3","customer":{"id":"c-19","email":"ada@example.com","tier":"gold"},`+
		`"lines":[{"sku":"sku-42","count":2,"price":99.5},{"sku":"sku-7","count":1,"price":12},{"sku":"sku-9","count":4,"price":3.25}],"note":%q}}`, strings.Repeat("as agreed by phone. ", 21))
}

// rule returns the i-th of many rules, of which few want the event: one in
// three by exact values, the others by each kind of test.
func rule(i int) string {
	test := []string{
		`"id":["o-%06d"]`, `"customer":{"id":["c-%d"]}`, `"state":["placed"],"total":[{"numeric":[">",%d0000]}]`,
		`"id":[{"prefix":"o-%d-"}]`, `"note":[{"suffix":"phone%d"}]`, `"customer":{"email":[{"equals-ignore-case":"ADA%d@EXAMPLE.COM"}]}`,
		`"lines":{"sku":["sku-%d"],"count":[9]}`, `"address":[{"cidr":"10.%d.0.0/16"}]`, `"id":[{"wildcard":"p-%d*z"}]`,
	}[i%9]
	n := i
	if i%9 == 7 {
		n = i % 256
	}
	return fmt.Sprintf(`{"source":["shop.orders"],"detail-type":["OrderPlaced","Order%d"],"detail":{`+test+`}}`, i%3, n)
}

func rules(t testing.TB, n int) []*Pattern {
	t.Helper()
	out := make([]*Pattern, n)
	for i := range out {
		p, err := Compile([]byte(rule(i)))
		if err != nil {
			t.Fatalf("%s: %v", rule(i), err)
		}
		out[i] = p
	}
	return out
}

func BenchmarkMatch(b *testing.B) {
	event := oneKB()
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			set := NewSet(rules(b, n))
			b.ReportAllocs()
			var dst []int
			for b.Loop() {
				dst, _ = set.Match(event, dst[:0])
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	event := oneKB()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(event, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWith(b *testing.B) {
	set, one := NewSet(rules(b, 10_000)), rules(b, 1)[0]
	for b.Loop() {
		set.With(one)
	}
}

func BenchmarkNewSet(b *testing.B) {
	list := rules(b, 10_000)
	for b.Loop() {
		NewSet(list)
	}
}

// A match takes no memory once the first ones have made room.
func TestNoAllocations(t *testing.T) {
	set, event, sc := NewSet(rules(t, 1000)), oneKB(), newScratch()
	dst := make([]int, 0, 100)
	if n := testing.AllocsPerRun(100, func() {
		var err error
		if dst, err = set.match(sc, event, dst[:0]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
	if len(dst) == 0 {
		t.Error("nothing matched")
	}
}
