package pattern

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// Names and values are few, so that patterns and events often meet.
var (
	names   = rapid.SampledFrom([]string{"a", "a", "a", "a", "b", "b", "c", "a.b", "é", "b.a.a"})
	strs    = rapid.SampledFrom([]string{"", "x", "X", "xy", "Yx", "xyxy", "é", "É", "e\u0301", "\u212a", "k", "ß", "ẞ", "10.0.0.1", "10.0.1.1", "2001:db8::1", "::ffff:10.0.0.1", "5", "*", `\`, "😀", "x\ny", "a-b-c"})
	numbers = rapid.SampledFrom([]string{"0", "-0", "5", "5.0", "50e-1", "300", "3e2", "0.1", "0.10", "-1.5", "9007199254740993", "9007199254740992", "1e400", "123456789012345678", "1E-7"})
	wilds   = rapid.SampledFrom([]string{"", "*", "x*", "*x", "x*y", "*y*", "*x*y*", `\\*`, `*\\\\*`, "é*", "a*b*c", "*-*-*"})
	cidrs   = rapid.SampledFrom([]string{"10.0.0.0/24", "10.0.0.9/8", "0.0.0.0/0", "::/0", "2001:db8::/32"})
	bounds  = rapid.SampledFrom([]string{`["=",5]`, `["<",5]`, `["<=",5.0]`, `[">",-2,"<",300]`, `[">=",0.1]`, `[">",0,"<=",5]`, `[">=",300,"<",1e16]`})
)

func quote(s string) string { b, _ := jsontext.AppendQuote(nil, s); return string(b) }

func quoted(t *rapid.T) string { return quote(strs.Draw(t, "string")) }

func listOf(t *rapid.T, one func(*rapid.T) string) string {
	parts := make([]string, rapid.IntRange(1, 3).Draw(t, "n"))
	for i := range parts {
		parts[i] = one(t)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func drawScalar(t *rapid.T) string {
	switch rapid.IntRange(0, 5).Draw(t, "scalar") {
	case 0, 1, 2:
		return quoted(t)
	case 3:
		return numbers.Draw(t, "number")
	default:
		return rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "literal")
	}
}

func drawTest(t *rapid.T) string {
	nonEmpty := func(t *rapid.T) string {
		return quote(strs.Filter(func(s string) bool { return s != "" }).Draw(t, "affix"))
	}
	wildText := func(t *rapid.T) string { return `"` + wilds.Draw(t, "wild") + `"` }
	switch rapid.IntRange(0, 13).Draw(t, "op") {
	case 0:
		return `{"prefix":` + quoted(t) + `}`
	case 1:
		return `{"suffix":` + quoted(t) + `}`
	case 2:
		return fmt.Sprintf(`{%q:{"equals-ignore-case":%s}}`, rapid.SampledFrom([]string{"prefix", "suffix"}).Draw(t, "affix"), quoted(t))
	case 3:
		return `{"equals-ignore-case":` + quoted(t) + `}`
	case 4:
		return `{"wildcard":` + wildText(t) + `}`
	case 5:
		return `{"numeric":` + bounds.Draw(t, "range") + `}`
	case 6:
		return `{"cidr":"` + cidrs.Draw(t, "cidr") + `"}`
	case 7:
		return `{"exists":` + rapid.SampledFrom([]string{"true", "false"}).Draw(t, "exists") + `}`
	case 8:
		return `{"anything-but":` + listOf(t, quoted) + `}`
	case 9:
		return `{"anything-but":` + numbers.Draw(t, "number") + `}`
	case 10:
		op := rapid.SampledFrom([]string{"prefix", "suffix", "equals-ignore-case"}).Draw(t, "nested")
		return fmt.Sprintf(`{"anything-but":{%q:%s}}`, op, listOf(t, nonEmpty))
	case 11:
		return `{"anything-but":{"wildcard":` + wildText(t) + `}}`
	default:
		return drawScalar(t)
	}
}

func drawPattern(t *rapid.T, depth int) string {
	var parts []string
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 2, 3}).Draw(t, "members") {
		name := quote(names.Draw(t, "name"))
		switch k := rapid.IntRange(0, 6).Draw(t, "member"); {
		case k < 2 && depth > 0:
			parts = append(parts, name+":"+drawPattern(t, depth-1))
		case k == 2 && depth > 0:
			parts = append(parts, `"$or":[`+drawPattern(t, depth-1)+`,`+drawPattern(t, depth-1)+`]`)
		default:
			parts = append(parts, name+":"+listOf(t, drawTest))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func drawEvent(t *rapid.T, depth int) string {
	var parts []string
	for range rapid.IntRange(0, 6).Draw(t, "members") {
		parts = append(parts, quote(names.Draw(t, "name"))+":"+drawValue(t, depth))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func drawValue(t *rapid.T, depth int) string {
	switch k := rapid.IntRange(0, 6).Draw(t, "value"); {
	case k < 2 && depth > 0:
		return drawEvent(t, depth-1)
	case k < 4 && depth > 0:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			parts = append(parts, drawValue(t, depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return drawScalar(t)
}

// checkEngine holds engine, sets and explanations to what the oracle says.
func checkEngine(t *rapid.T) {
	var patterns []*Pattern
	var sources []string
	grown := []*Set{NewSet(nil)}
	for range rapid.IntRange(1, 6).Draw(t, "patterns") {
		src := drawPattern(t, 2)
		p, err := Compile([]byte(src))
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		grown[len(grown)-1].With(p) // a branch that must not be felt
		sources, patterns, grown = append(sources, src), append(patterns, p), append(grown, grown[len(grown)-1].With(p))
	}
	event := []byte(drawEvent(t, 3))
	var want []int
	for i, src := range sources {
		ok := oracle([]byte(src), event)
		if ok {
			want = append(want, i)
		}
		misses, err := patterns[i].Explain(event)
		if err != nil || (len(misses) == 0) != ok {
			t.Fatalf("%s on %s: match %v, explained by %v, %v", src, event, ok, misses, err)
		}
	}
	for _, set := range append(grown, NewSet(patterns)) {
		want := slices.DeleteFunc(slices.Clone(want), func(i int) bool { return i >= set.Len() })
		if got, err := set.Match(event, nil); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s\non %s: %v, %v, want %v", strings.Join(sources, "\n"), event, got, err, want)
		}
	}
}

func TestEngineEqualsOracle(t *testing.T) { rapid.Check(t, checkEngine) }

// drawArrays draws an event of nested arrays of objects that repeats no name.
func drawArrays(t *rapid.T, depth int) string {
	var parts []string
	for _, name := range []string{"a", "b", "c"} {
		switch k := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case name == "b" && k < 3 && depth > 0:
			var elements []string
			for range rapid.IntRange(1, 3).Draw(t, "elements") {
				elements = append(elements, drawArrays(t, depth-1))
			}
			parts = append(parts, fmt.Sprintf(`%q:[%s]`, name, strings.Join(elements, ",")))
		case k == 3 && depth > 0:
			parts = append(parts, fmt.Sprintf(`%q:%s`, name, drawArrays(t, depth-1)))
		case k < 4:
			parts = append(parts, fmt.Sprintf(`%q:%d`, name, rapid.IntRange(0, 1).Draw(t, "bit")))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// Values out of one array are taken from one element, at any depth.
func TestArraysEqualOracle(t *testing.T) {
	paths := rapid.SampledFrom([]string{"a.a", "a.b", "a.c", "a.b.a", "a.b.b", "a.b.c", "b.a", "b.b"})
	matched, refused := 0, 0
	check := func(t *rapid.T) {
		var parts []string
		for range rapid.IntRange(2, 3).Draw(t, "fields") {
			parts = append(parts, fmt.Sprintf(`%q:[%d]`, paths.Draw(t, "path"), rapid.IntRange(0, 1).Draw(t, "bit")))
		}
		src, event := "{"+strings.Join(parts, ",")+"}", `{"a":[`+drawArrays(t, 2)+`,`+drawArrays(t, 2)+`],"b":`+drawArrays(t, 2)+`,"c":`+drawArrays(t, 3)+`}`
		if rapid.Bool().Draw(t, "repeat a name") {
			event = `{"a":[` + drawArrays(t, 1) + `,` + drawArrays(t, 1) + `],` + event[1:]
		}
		p, err := Compile([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		want := oracle([]byte(src), []byte(event))
		if want {
			matched++
		} else {
			refused++
		}
		if got, err := p.Match([]byte(event)); err != nil || got != want {
			t.Fatalf("%s on %s: %v, %v, want %v", src, event, got, err, want)
		}
	}
	for range 10 {
		rapid.Check(t, check)
	}
	if matched*100 < refused {
		t.Errorf("only %d of %d events matched", matched, refused+matched)
	}
}

func FuzzEngineEqualsOracle(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkEngine)) }

// The generator does not draw events that no pattern wants.
func TestGeneratorMeets(t *testing.T) {
	events, matched := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 50 {
			p, e := drawPattern(t, 1), drawEvent(t, 3)
			if events++; oracle([]byte(p), []byte(e)) {
				matched++
			}
		}
	})
	if matched*20 < events {
		t.Errorf("%d of %d events matched", matched, events)
	}
}

// The oracle agrees with the table of cases.
func TestOracle(t *testing.T) {
	for _, c := range cases {
		for _, e := range c.events {
			if strings.Contains(c.pattern, "10.0.0.77") {
				continue // not a masked block
			}
			if got := oracle([]byte(c.pattern), []byte(e[1:])); got != (e[0] == '+') {
				t.Errorf("%s on %s: %v", c.pattern, e, got)
			}
		}
	}
}
