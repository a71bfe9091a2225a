package partiql

import (
	"math"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/item"
)

// A place leads from a literal to a value in it; error texts begin it with
// root.
type place struct {
	text   string
	levels int
}

var root = place{text: "root"}

func (a place) field(name string) place { return place{a.text + "." + name, a.levels + 1} }
func (a place) element(i int) place {
	return place{a.text + "[" + strconv.Itoa(i) + "]", a.levels + 1}
}

// isLiteral reports whether a literal or a parameter is next.
func (p *parse) isLiteral() bool {
	switch t := p.peek(); t.kind {
	case tokenText, tokenNumber:
		return true
	case tokenWord:
		return t.is("TRUE") || t.is("FALSE") || t.is("NULL")
	default:
		return t.is("?") || t.is("{") || t.is("[") || t.is("<<") || t.is("-") || t.is("+")
	}
}

// value reads a literal or a parameter.
func (p *parse) value() item.Value {
	if p.peek().is("?") {
		return p.param()
	}
	return p.literal(root)
}

// literal reads a literal, in which there are no parameters.
func (p *parse) literal(at place) item.Value {
	if at.levels >= maxLevels {
		p.fail(errf("Nesting Levels have exceeded supported limits under %s", at.text))
	}
	t := p.peek()
	switch {
	case t.kind == tokenText:
		return item.S(p.next().text)
	case t.kind == tokenNumber, t.is("-"), t.is("+"):
		return p.number(at)
	case p.accept("TRUE"):
		return item.BoolOf(true)
	case p.accept("FALSE"):
		return item.BoolOf(false)
	case p.accept("NULL"):
		return item.NullValue()
	case p.accept("{"):
		return item.M(p.fields(func(name string) item.Value { return p.literal(at.field(name)) }))
	case p.accept("["):
		return item.L(p.list("]", func(i int) item.Value { return p.literal(at.element(i)) })...)
	case p.accept("<<"):
		return p.bag(at)
	case t.is("?"):
		p.fail(errf("Unsupported data type: Parameter under key %s at %s", at.text, t.at()))
	case p.call():
		p.fail(errf("Unsupported data type: %s under key %s at %s", strings.ToLower(t.text), at.text, t.at()))
	}
	p.unexpected()
	return item.Value{}
}

// fields reads the rest of a map.
func (p *parse) fields(value func(name string) item.Value) item.Map {
	fields := []item.Field{}
	for !p.accept("}") {
		if len(fields) > 0 {
			p.expect(",")
		}
		name := p.next()
		if name.kind != tokenText {
			p.fail(malformed("Unexpected term"))
		}
		p.expect(":")
		fields = append(fields, item.Field{Name: name.text, Value: value(name.text)})
	}
	return item.MapOf(fields...)
}

// list reads the rest of a list that ends with the symbol.
func (p *parse) list(end string, value func(i int) item.Value) []item.Value {
	values := []item.Value{}
	for !p.accept(end) {
		if len(values) > 0 {
			p.expect(",")
		}
		values = append(values, value(len(values)))
	}
	return values
}

// bag reads the rest of a set.
func (p *parse) bag(at place) item.Value {
	var texts []string
	values := p.list(">>", func(i int) item.Value {
		from := p.pos
		v := p.literal(at.element(i))
		texts = append(texts, p.written(from))
		return v
	})
	if len(values) == 0 {
		p.fail(errf("Empty bags are not supported"))
	}
	kind := values[0].Kind()
	for _, v := range values {
		if v.Kind() != kind || kind != item.String && kind != item.Number {
			p.fail(errf("Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"))
		}
	}
	if kind == item.String {
		return must(item.Set(item.StringSet, values))
	}
	set, err := item.Set(item.NumberSet, values)
	if err != nil {
		p.fail(errf("One or more parameter values were invalid: Input collection [%s] contains duplicates! under %s", strings.Join(texts, ", "), at.text))
	}
	return set
}

// written returns the tokens from one place up to the next token.
func (p *parse) written(from int) string {
	var b strings.Builder
	for _, t := range p.tokens[from:p.pos] {
		b.WriteString(t.text)
	}
	return b.String()
}

// number reads a number with any signs before it.
func (p *parse) number(at place) item.Value {
	negative := false
	for p.peek().is("-") || p.peek().is("+") {
		negative = p.next().is("-") != negative
	}
	t := p.next()
	if t.kind != tokenNumber || !fits(t.text) {
		p.fail(malformed(""))
	}
	text := t.text
	if negative {
		text = "-" + text
	}
	v, err := item.N(text)
	if err != nil {
		p.fail(errf("%s under %s", err, at.text))
	}
	return v
}

// fits reports whether a number's exponent, and its scale, are 32-bit integers.
func fits(text string) bool {
	digits, exponent, ok := strings.Cut(strings.ToLower(text), "e")
	if !ok {
		return true
	}
	e, err := strconv.ParseInt(exponent, 10, 32)
	if err != nil {
		return false
	}
	_, fraction, _ := strings.Cut(digits, ".")
	return int64(len(fraction))-e <= math.MaxInt32
}
