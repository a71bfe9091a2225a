package expr

import (
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
}

// match reports whether an item is in the range, by comparing its attributes.
func (k KeyRange) match(it item.Item, schema item.KeySchema) bool {
	hash, _ := it.Get(schema.Hash.Name)
	if !item.Equal(hash, k.Partition) {
		return false
	}
	v, ok := it.Get(schema.Range.Name)
	low, _ := item.Compare(v, k.Low)
	high, _ := item.Compare(v, k.High)
	switch k.Op {
	case "":
		return true
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
		choose(rng, attr, operand())+" BETWEEN "+choose(rng, value, operand())+" AND "+value, "begins_with("+operand()+", "+value+")",
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
		terms := []string{schema.Hash.Name + " = " + choose(rng, ofKind[schema.Hash.Kind]...)}
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
		if resolved[op] < 20 {
			t.Errorf("%d key conditions with operator %q", resolved[op], op)
		}
	}
}
