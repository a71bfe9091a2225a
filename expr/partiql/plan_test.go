package partiql

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// plan prints the reads of a SELECT: partition, operator, bounds, direction.
func plan(t testing.TB, src string) string {
	t.Helper()
	reads, err := parsed[*Select](t, src).Reads(lines)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, r := range reads {
		text := "scan"
		if r.Keys != nil {
			k, err := r.Keys.Resolve(lines)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.TrimSpace(k.Equal[0].Str() + " " + k.Op + " " + k.Low.Str() + " " + k.High.Str())
		}
		if r.Filter != nil {
			text += " filtered"
		}
		if r.Backward {
			text += " backward"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func values(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("'v%03d'", i))
	}
	return strings.Join(out, ",")
}

func TestPlans(t *testing.T) {
	const (
		overlap = "Overlapping conditions with range keys are not supported in where clause"
		many    = "Too many decomposed read operations for a given query."
	)
	for src, want := range map[string]string{
		`WHERE pk = 'a'`:                                        "a",
		`WHERE pk IN [] ORDER BY pk`:                            "",
		`WHERE pk = 'a' AND n = 1`:                              "a filtered",
		`WHERE sk >= '3' AND 'a' = pk`:                          "a >= 3",
		`WHERE pk = 'a' AND '3' < sk`:                           "a > 3",
		`WHERE pk = 'a' AND sk BETWEEN '1' AND '2'`:             "a BETWEEN 1 2",
		`WHERE pk = 'a' AND begins_with(sk, 'x')`:               "a begins_with x",
		`WHERE pk = 'a' AND sk > '0' AND sk = '1'`:              "a = 1 filtered",
		`WHERE pk = 'a' AND (n = 1 OR m = 2)`:                   "a filtered",
		`WHERE pk = 'a' AND attribute_exists(pk)`:               "a filtered",
		`WHERE pk = 'a' AND NOT sk = '1'`:                       "a filtered",
		`WHERE pk IN ['b', 'a']`:                                "b; a",
		`WHERE pk = 'a' AND (sk = '1' OR sk = '2')`:             "a = 1; a = 2",
		`WHERE pk = 'a' AND sk IN ['1', '2'] AND n = 1`:         "a = 1 filtered; a = 2 filtered",
		`WHERE pk = 'a' AND (sk < '1' OR sk > '1' OR sk = '1')`: "a < 1; a > 1; a = 1",
		`WHERE pk = 'a' AND n = 1 OR pk = 'b'`:                  "a filtered; b",
		`WHERE pk = 'a' AND (pk = 'b' OR n = 1)`:                "a filtered; a filtered",
		`WHERE pk = 'a' OR sk = '1'`:                            "scan filtered",
		`WHERE pk > 'a'`:                                        "scan filtered",
		`WHERE pk > 1`:                                          "scan filtered",
		`WHERE NOT pk = 'a'`:                                    "scan filtered",
		``:                                                      "scan",
		`WHERE pk IN [` + values(50) + `] AND n IN [` + values(100) + `] ORDER BY pk DESC`:           strings.Join(downward(50), "; "),
		`WHERE pk IN [` + values(51) + `] OR n = 1`:                                                  "scan filtered",
		`WHERE pk IN [` + values(51) + `]`:                                                           many,
		`WHERE pk = 'a' AND sk IN [` + values(51) + `]`:                                              many,
		`WHERE pk IN [` + values(26) + `] AND sk IN ['1', '2']`:                                      many,
		`WHERE pk = 'a'` + strings.Repeat(` AND (sk = '1' OR sk = '2')`, 40):                         many,
		`WHERE pk IN ['a', 'a']`:                                                                     overlap,
		`WHERE pk = 'a' OR pk = 'a'`:                                                                 overlap,
		`WHERE pk = 'a' AND (sk > '0' OR sk < '5')`:                                                  overlap,
		`WHERE pk = 'a' AND (sk = '1' OR n = 2)`:                                                     overlap,
		`WHERE (pk = 'a' AND n = 1) OR (pk = 'a' AND n = 2)`:                                         overlap,
		`WHERE pk = 'a' AND n <> 1 OR pk = 'a' AND sk = '2'`:                                         overlap,
		`WHERE pk = 'a' AND NOT sk = '1' OR pk = 'a' AND sk = '2'`:                                   "a filtered",
		`WHERE pk = 'a' AND sk = '2' OR pk = 'b' OR pk = 'a' AND sk = '3' OR pk = 'a' AND sk <> '1'`: "b; a filtered",
		`WHERE pk = 1 OR pk = 'a'`:                                                                   "Key attribute's data type should match its data type in table's schema: Key pk",
		`WHERE pk = 'a' AND sk IN ['1', 2]`:                                                          "Key attribute's data type should match its data type in table's schema: Key sk",
		`WHERE pk = 'a' ORDER BY sk DESC`:                                                            "a backward",
		`WHERE pk = 'a' ORDER BY sk ASC`:                                                             "a",
		`WHERE pk = 'a' ORDER BY pk ASC`:                                                             "a backward",
		`WHERE pk IN ['b', 'a'] ORDER BY pk DESC, sk ASC`:                                            "b; a",
		`WHERE pk IN ['b', 'a'] ORDER BY pk, sk`:                                                     "a; b",
		`WHERE pk = 'a' AND sk IN ['2', '1', '3'] ORDER BY sk DESC`:                                  "a = 3 backward; a = 2 backward; a = 1 backward",
		`ORDER BY sk`:                             "Must have WHERE clause in the statement when using ORDER BY clause.",
		`WHERE pk = 'o' ORDER BY Total DESC`:      "Attribute Total in ORDER BY clause must be part of the primary key",
		`WHERE pk > 'a' ORDER BY sk`:              "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
		`WHERE pk IN ['o', 'p'] ORDER BY sk DESC`: "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
	} {
		if got := plan(t, `SELECT * FROM t `+src); got != want {
			t.Errorf("%.150s\n got %s\nwant %s", src, got, want)
		}
	}
}

func downward(n int) []string {
	var out []string
	for i := n - 1; i >= 0; i-- {
		out = append(out, fmt.Sprintf("v%03d filtered backward", i))
	}
	return out
}

// Each item that satisfies WHERE is in exactly one of the reads, and no other.
func TestPlansReadEachItemOnce(t *testing.T) {
	rows := grid()
	rapid.Check(t, func(rt *rapid.T) {
		src := `SELECT * FROM t WHERE ` + condition(rt, 3)
		s := parsed[*Select](t, src)
		reads, err := s.Reads(lines)
		if err != nil {
			rt.Skip(err.Error())
		}
		for _, row := range rows {
			n := 0
			for _, r := range reads {
				if follows(rt, r, row) {
					n++
				}
			}
			want := 0
			if s.where.condition().Match(row) {
				want = 1
			}
			if n != want {
				rt.Fatalf("%s: %s is read %d times, want %d", src, shown(row), n, want)
			}
		}
	})
}

// grid returns items of two partitions with all values of two attributes.
func grid() []item.Item {
	var out []item.Item
	for _, pk := range []string{"a", "b"} {
		for _, sk := range []string{"1", "11", "2", "3"} {
			for n := range 2 {
				out = append(out, item.MapOf(item.Field{Name: "pk", Value: item.S(pk)}, item.Field{Name: "sk", Value: item.S(sk)},
					item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()}))
			}
		}
	}
	return out
}

// condition draws a condition on the attributes of the grid.
func condition(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		return rapid.SampledFrom([]string{
			"pk = 'a'", "pk = 'b'", "pk IN ['a', 'b']", "sk = '1'", "sk <> '2'", "sk < '2'", "sk >= '2'", "sk > '1'", "begins_with(sk, '1')",
			"sk BETWEEN '11' AND '2'", "sk IN ['1', '3']", "n = 1", "n < 1", "attribute_exists(sk)", "contains(sk, '1')",
		}).Draw(t, "test")
	}
	a := condition(t, depth-1)
	switch rapid.IntRange(0, 5).Draw(t, "op") {
	case 0:
		return "NOT (" + a + ")"
	case 1, 2, 3:
		return "(" + a + " AND " + condition(t, depth-1) + ")"
	default:
		return "(" + a + " OR " + condition(t, depth-1) + ")"
	}
}

// follows reports whether a read returns the item.
func follows(t *rapid.T, r Read, row item.Item) bool {
	if !r.Filter.Match(row) {
		return false
	}
	if r.Keys == nil {
		return true
	}
	k, err := r.Keys.Resolve(lines)
	if err != nil {
		t.Fatal(err)
	}
	pk, _ := row.Get("pk")
	if !item.Equal(pk, k.Equal[0]) {
		return false
	}
	sk := expr.At(expr.Attribute("sk"))
	var c *expr.Condition
	switch k.Op {
	case "":
		return true
	case "BETWEEN":
		c, err = expr.Between(sk, expr.Literal(k.Low), expr.Literal(k.High))
	case "begins_with":
		c, err = expr.Call("begins_with", sk, expr.Literal(k.Low))
	default:
		c, err = expr.Compare(k.Op, sk, expr.Literal(k.Low))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.Match(row)
}

func FuzzParse(f *testing.F) {
	for _, src := range []string{
		`SELECT a, m.b[1] FROM "t"."i" WHERE pk = 'a' AND sk IN ['1', ?] OR NOT (begins_with(sk, 'x')) ORDER BY pk DESC;`,
		`INSERT INTO t VALUE {'pk': ?, 'l': [1, -2.5e3, <<'x'>>], 'm': {'n': null}}`,
		`UPDATE t SET a = a + 1, ss = set_add(ss, <<1>>) REMOVE l[0] WHERE pk = 'a' AND sk = '1' RETURNING MODIFIED NEW *`,
		`DELETE FROM t WHERE pk = 'a' AND sk = '1' AND n IS MISSING RETURNING ALL OLD *`,
		`EXISTS(SELECT * FROM t WHERE pk = 'a' AND sk = '1' AND size(l) > 2) -- note`,
	} {
		f.Add(src)
	}
	params := []item.Value{item.S("p"), item.NumOf(1).Value()}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse(src, params)
		if err != nil {
			return
		}
		switch s := s.(type) {
		case *Select:
			if reads, err := s.Reads(lines); err == nil && len(reads) > maxReads {
				t.Errorf("%q: %d reads", src, len(reads))
			}
		case *Update:
			_, _, _ = s.Target(lines)
		case *Delete:
			_, _, _ = s.Target(lines)
		case *Exists:
			_, _, _ = s.Target(lines)
		}
	})
}
