package partiql

import (
	"math"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/expr/internal/syntax"
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
	switch t := p.Peek(); t.Kind {
	case tokenText, tokenNumber:
		return true
	case syntax.Word:
		return t.Is("TRUE") || t.Is("FALSE") || t.Is("NULL")
	default:
		return t.Is("?") || t.Is("{") || t.Is("[") || t.Is("<<") || t.Is("-") || t.Is("+")
	}
}

// value reads a literal or a parameter.
func (p *parse) value() item.Value {
	if p.Peek().Is("?") {
		return p.param()
	}
	return p.literal(root)
}

// literal reads a literal, in which there are no parameters.
func (p *parse) literal(at place) item.Value {
	if at.levels >= maxLevels {
		p.fail(errf("Nesting Levels have exceeded supported limits under %s", at.text))
	}
	t := p.Peek()
	switch {
	case t.Kind == tokenText:
		return item.S(p.Next().Text)
	case t.Kind == tokenNumber, t.Is("-"), t.Is("+"):
		return p.number(at)
	case p.Accept("TRUE"):
		return item.BoolOf(true)
	case p.Accept("FALSE"):
		return item.BoolOf(false)
	case p.Accept("NULL"):
		return item.NullValue()
	case p.Accept("{"):
		return item.M(p.fields(func(name string) item.Value { return p.literal(at.field(name)) }))
	case p.Accept("["):
		return item.L(p.list("]", func(i int) item.Value { return p.literal(at.element(i)) })...)
	case p.Accept("<<"):
		return p.bag(at)
	case t.Is("?"):
		p.fail(errf("Unsupported data type: Parameter under key %s at %s", at.text, p.at(t)))
	case p.IsCall():
		p.fail(errf("Unsupported data type: %s under key %s at %s", strings.ToLower(t.Text), at.text, p.at(t)))
	}
	p.unexpected()
	return item.Value{}
}

// fields reads the rest of a map.
func (p *parse) fields(value func(name string) item.Value) item.Map {
	fields := []item.Field{}
	for !p.Accept("}") {
		if len(fields) > 0 {
			p.expect(",")
		}
		name := p.Next()
		if name.Kind != tokenText {
			p.fail(malformed("Unexpected term"))
		}
		if err := item.CheckName(name.Text); err != nil {
			p.fail(err)
		}
		p.expect(":")
		fields = append(fields, item.Field{Name: name.Text, Value: value(name.Text)})
	}
	return item.MapOf(fields...)
}

// list reads the rest of a list that ends with the symbol.
func (p *parse) list(end string, value func(i int) item.Value) []item.Value {
	values := []item.Value{}
	for !p.Accept(end) {
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
		from := p.Pos
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
		return syntax.Must(item.Set(item.StringSet, values))
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
	for _, t := range p.Tokens[from:p.Pos] {
		b.WriteString(t.Text)
	}
	return b.String()
}

// number reads a number with any signs before it.
func (p *parse) number(at place) item.Value {
	negative := false
	for p.Peek().Is("-") || p.Peek().Is("+") {
		negative = p.Next().Is("-") != negative
	}
	t := p.Next()
	if t.Kind != tokenNumber || !fits(t.Text) {
		p.fail(malformed(""))
	}
	text := t.Text
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
