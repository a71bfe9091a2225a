package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
)

func TestKeyConditions(t *testing.T) {
	schema := item.KeySchema{Hash: item.KeyAttr{Name: "pk", Kind: item.String}, Range: item.KeyAttr{Name: "sk", Kind: item.Number}}
	for src, want := range map[string]string{
		`pk = :a`:                                "",
		`pk = :a AND sk = :n`:                    "=",
		`:n < sk AND pk = :a`:                    ">",
		`(pk = :a) AND (sk BETWEEN :low AND :n)`: "BETWEEN",
		`sk = :n`:                                "!Query condition missed key schema element: pk",
		`pk = :a AND x = :n`:                     "!Query condition missed key schema element: sk",
		`pk > :a`:                                "!Query key condition not supported",
		`pk = :n`:                                "!One or more parameter values were invalid: Condition parameter type does not match schema type",
		`pk = :a AND sk = size(:p)`:              "!KeyConditionExpressions cannot contain nested operations",
		`pk = :a AND (size(:a)) < sk`:            "!KeyConditionExpressions cannot contain nested operations",
		`pk = :a OR pk = :p`:                     "!Invalid operator used in KeyConditionExpression: OR",
		`pk = :a AND sk <> :n`:                   "!Invalid operator used in KeyConditionExpression: <>",
		`pk = :a AND pk = :p`:                    "!Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
	} {
		k, err := NewParser(names, values(t)).KeyCondition(src)
		var r KeyRange
		if err == nil {
			r, err = k.Resolve(schema)
		}
		got := r.Op
		if err != nil {
			got = "!" + err.Error()
		}
		if got != want {
			t.Errorf("%s: %s", src, got)
		}
	}
}

// schemas are key schemas with and without a sort key.
var schemas = []item.KeySchema{
	{Hash: item.KeyAttr{Name: "a", Kind: item.String}},
	{Hash: item.KeyAttr{Name: "a", Kind: item.String}, Range: item.KeyAttr{Name: "b", Kind: item.String}},
	{Hash: item.KeyAttr{Name: "b", Kind: item.Number}, Range: item.KeyAttr{Name: "a", Kind: item.String}},
	{Hash: item.KeyAttr{Name: "b", Kind: item.Binary}, Range: item.KeyAttr{Name: "c", Kind: item.Number}},
	item.NewKeySchema([]item.KeyAttr{{Name: "a", Kind: item.String}, {Name: "b", Kind: item.Number}}, nil),
	item.NewKeySchema([]item.KeyAttr{{Name: "a", Kind: item.String}}, []item.KeyAttr{{Name: "b", Kind: item.Number}, {Name: "c", Kind: item.String}}),
	item.NewKeySchema([]item.KeyAttr{{Name: "b", Kind: item.String}, {Name: "a", Kind: item.Binary}}, []item.KeyAttr{{Name: "c", Kind: item.String}, {Name: "d", Kind: item.Number}}),
}

// A query on a key of many attributes fixes all partition attributes, and sort
// attributes from the left, of which the last may be in a range.
func TestKeyConditionsOfManyAttributes(t *testing.T) {
	str := func(names ...string) (out []item.KeyAttr) {
		for _, n := range names {
			out = append(out, item.KeyAttr{Name: n, Kind: item.String})
		}
		return out
	}
	schema := item.NewKeySchema(str("h1", "h2"), str("r1", "r2", "r3"))
	const hash = "HASH key attributes %s must have equality conditions specified in the query"
	const sort = "RANGE key attributes %s must have equality conditions specified in the query because a condition is present on key attribute %s"
	for src, want := range map[string]string{
		"h1 = :a AND h2 = :b":                                                 "a,b",
		"r1 = :c AND h2 = :b AND h1 = :a":                                     "a,b = c",
		"h1 = :a AND h2 = :b AND r1 < :c":                                     "a,b < c",
		"h1 = :a AND h2 = :b AND :c < r1":                                     "a,b > c",
		"h1 = :a AND h2 = :b AND r2 = :d AND r1 = :c":                         "a,b,c = d",
		"h1 = :a AND h2 = :b AND r1 = :c AND r2 BETWEEN :a AND :d":            "a,b,c BETWEEN a d",
		"h1 = :a AND h2 = :b AND r1 = :c AND r2 = :d AND begins_with(r3, :a)": "a,b,c,d begins_with a",
		"h1 = :a":                                                            "!" + fmt.Sprintf(hash, "h2"),
		"h2 > :a AND r1 = :c":                                                "!" + fmt.Sprintf(hash, "h1, h2"),
		"h1 = :a AND h2 >= :b":                                               "!" + fmt.Sprintf(hash, "h2"),
		"h1 = :a AND x = :b":                                                 "!" + fmt.Sprintf(hash, "h2"),
		"h1 = :a AND h2 = :b AND r2 = :c":                                    "!" + fmt.Sprintf(sort, "r1", "r2"),
		"h1 = :a AND h2 = :b AND r3 = :c":                                    "!" + fmt.Sprintf(sort, "r1, r2", "r3"),
		"h1 = :a AND h2 = :b AND r1 > :c AND r2 = :d":                        "!" + fmt.Sprintf(sort, "r1", "r2"),
		"h1 = :a AND h2 = :b AND r1 > :c AND r2 > :d":                        "!" + fmt.Sprintf(sort, "r1", "r2"),
		"h1 = :a AND h2 = :b AND begins_with(r1, :c) AND r3 = :d":            "!" + fmt.Sprintf(sort, "r1, r2", "r3"),
		"h1 = :a AND h2 = :b AND r1 = :c AND x = :d":                         "!Query condition missed key schema element: r2",
		"h1 = :a AND h2 = :b AND r1 = :n":                                    "!One or more parameter values were invalid: Condition parameter type does not match schema type",
		"h1 = :n AND h2 = :b":                                                "!One or more parameter values were invalid: Condition parameter type does not match schema type",
		"h1 = :a AND h1 = :b AND h2 = :a":                                    "!Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
		"h1 = :a AND h2 = :b AND r1 = :a AND r2 = :a AND r3 = :a AND x = :a": "!The number of query conditions (6) exceeds the number of key attributes defined in the schema (5)",
	} {
		k, err := NewParser(nil, Values{":a": item.S("a"), ":b": item.S("b"), ":c": item.S("c"), ":d": item.S("d"), ":n": item.NumOf(1).Value()}).KeyCondition(src)
		var r KeyRange
		if err == nil {
			r, err = k.Resolve(schema)
		}
		var equal []string
		for _, v := range r.Equal {
			equal = append(equal, v.Str())
		}
		got := strings.TrimSpace(strings.Join([]string{strings.Join(equal, ","), r.Op, r.Low.Str(), r.High.Str()}, " "))
		if err != nil {
			got = "!" + err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

// match reports whether an item is in the range, by comparing its attributes.
func (k KeyRange) match(it item.Item, schema item.KeySchema) bool {
	attrs := schema.Attrs()
	for i, want := range k.Equal {
		if v, _ := it.Get(attrs[i].Name); !item.Equal(v, want) {
			return false
		}
	}
	if k.Op == "" {
		return true
	}
	v, ok := it.Get(attrs[len(k.Equal)].Name)
	low, _ := item.Compare(v, k.Low)
	high, _ := item.Compare(v, k.High)
	switch k.Op {
	case "=":
		return ok && low == 0
	case "<":
		return ok && low < 0
	case "<=":
		return ok && low <= 0
	case ">":
		return ok && low > 0
	case ">=":
		return ok && low >= 0
	case "BETWEEN":
		return ok && low >= 0 && high <= 0
	default:
		return ok && strings.HasPrefix(v.Str(), k.Low.Str())
	}
}

// choose returns one of the choices.
func choose[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }

// drawTerm returns a condition, mostly on the attribute, that a key condition may
// or may not hold.
func drawTerm(rng *rand.Rand, attr, value string) string {
	op := " " + choose(rng, "=", "<", "<=", ">", ">=", "<>") + " "
	operand := func() string {
		return choose(rng, attr, value, "a", "b", ":s", ":n", ":yes", "d", "a.b", "size(a)", "(b)")
	}
	return choose(rng,
		attr+op+value, value+op+attr, choose(rng, "a", "b", "c", "d")+op+value, operand()+op+operand(), "("+operand()+op+value+")",
		choose(rng, attr, operand())+" BETWEEN "+choose(rng, value, operand())+" AND "+value, "begins_with("+choose(rng, attr, operand())+", "+value+")",
		"NOT "+attr+op+value, attr+" IN ("+value+")", "contains("+attr+", "+value+")")
}

// A key condition selects the items that it holds of as a condition, or it is
// refused: no part of it is ignored.
func TestKeyConditionsIgnoreNothing(t *testing.T) {
	vals := Values{
		":s": item.S("x"), ":t": item.S("xy"), ":n": item.NumOf(1).Value(), ":m": item.NumOf(2).Value(), ":b": item.B([]byte("x")), ":yes": item.BoolOf(true),
	}
	ofKind := map[item.Kind][]string{item.String: {":s", ":t"}, item.Number: {":n", ":m"}, item.Binary: {":b"}}
	rng := rand.New(rand.NewPCG(1, 2))
	resolved := map[string]int{}
	for range 20000 {
		schema := choose(rng, schemas...)
		var terms []string
		for _, a := range schema.Attrs()[:schema.Hashes()+len(schema.MoreRange)*rng.IntN(2)] {
			terms = append(terms, a.Name+" = "+choose(rng, ofKind[a.Kind]...))
		}
		for range choose(rng, 0, 1, 1, 1, 2) {
			a := choose(rng, schema.Attrs()...)
			terms = append(terms, drawTerm(rng, a.Name, choose(rng, ofKind[a.Kind]...)))
		}
		rng.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
		src := strings.Join(terms, choose(rng, " AND ", " AND ", " AND ", " OR "))
		k, err := NewParser(nil, vals).KeyCondition(src)
		if err != nil {
			continue
		}
		r, err := k.Resolve(schema)
		if err != nil {
			continue
		}
		resolved[r.Op]++
		if schema.Multi() {
			resolved["multi "+r.Op]++
		}
		c, err := NewParser(nil, vals).Condition("FilterExpression", src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		for range 10 {
			row := item.MapOf(item.Field{Name: "d", Value: vals[choose(rng, ":s", ":n")]})
			for _, a := range schema.Attrs() {
				row = row.With(a.Name, vals[choose(rng, ofKind[a.Kind]...)])
			}
			if got, want := r.match(row, schema), c.Match(row); got != want {
				t.Fatalf("%s on %v: %v, want %v", src, row, got, want)
			}
		}
	}
	for _, op := range []string{"", "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"} {
		if resolved[op] < 20 || resolved["multi "+op] < 10 {
			t.Errorf("%d key conditions with operator %q, %d on keys of many attributes", resolved[op], op, resolved["multi "+op])
		}
	}
}
