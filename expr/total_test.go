package expr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
)

// use parses the text as each kind of expression and uses what it is.
func use(t testing.TB, src string) {
	p := NewParser(names, Values{":n": item.S("x"), ":low": item.NumOf(1).Value()})
	row := it(t, sample)
	if c, err := p.Condition("ConditionExpression", src); err == nil {
		c.Match(row)
		c.Roots()
	}
	if u, err := p.Update(src); err == nil {
		_, _ = u.Apply(row)
	}
	if proj, err := p.Projection(src); err == nil {
		proj.Apply(row)
	}
	if k, err := p.KeyCondition(src); err == nil {
		for _, schema := range schemas {
			_, _ = k.Resolve(schema)
		}
	}
}

// No input makes the parser panic or loop.
func TestParserIsTotal(t *testing.T) {
	words := []string{
		"a", "b", "#n", ":n", ":low", "(", ")", "AND", "OR", "NOT", "=", "<", "BETWEEN", "IN", "size", "contains", "begins_with", "size(", "begins_with(", ",", ".", "[", "]", "1",
		"SET", "REMOVE", "ADD", "DELETE", "+", "if_not_exists(", "list_append(", "$", "_x", "a =", "= :n",
	}
	rapid.Check(t, func(rt *rapid.T) {
		use(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 14).Draw(rt, "words"), " "))
	})
}

func FuzzParse(f *testing.F) {
	for _, src := range []string{
		"a = :n AND NOT (b IN (:n, :n))", "SET a.b[1] = list_append(a, :n) REMOVE c ADD d :n", "begins_with(:n, a) AND b = :n", ":n BETWEEN a AND :n", "(size(a)) > :low AND ((a) = :n)",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) { use(t, src) })
}
