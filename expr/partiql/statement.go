package partiql

import (
	"strconv"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// A Statement is a *Select, *Insert, *Update, *Delete or *Exists.
type Statement interface {
	// Table returns the name of the statement's table.
	Table() string
}

// A table is the name of a statement's table.
type table string

// Table returns the name of the statement's table.
func (t table) Table() string { return string(t) }

// A Select reads items.
type Select struct {
	table
	Index   string   // empty: the table itself
	Columns []Column // nil: all attributes
	where   *where   // nil: all items
	order   []order
}

// A Column is one selected attribute: the value that Path leads to, under the
// Name that it has in the result, which is the last name in the path and the
// indexes that follow it.
type Column struct {
	Name string
	Path expr.Path
}

// An order is one attribute of ORDER BY.
type order struct {
	Name       string
	Descending bool
}

// An Insert stores an item where there is none.
type Insert struct {
	table
	Item item.Item
}

// An Update changes an item that exists.
type Update struct {
	table
	Update    *expr.Update
	where     *where
	Returning Returning
}

// A Delete removes an item.
type Delete struct {
	table
	where     *where
	Returning Returning // None or AllOld
}

// An Exists is the condition check of a transaction: an item must satisfy a
// condition.
type Exists struct{ Select }

// Returning says what a write returns.
type Returning uint8

// What a write may return: nothing, the item before or after it, or the parts of
// the item that the statement names.
const (
	None Returning = iota
	AllOld
	AllNew
	ModifiedOld
	ModifiedNew
)

// statement reads a whole statement.
func (p *parse) statement() Statement {
	var out Statement
	switch {
	case p.Accept("SELECT"):
		out = p.selection()
	case p.Accept("INSERT"):
		out = p.insert()
	case p.Accept("UPDATE"):
		out = p.update()
	case p.Accept("FROM"):
		out = p.updateFrom()
	case p.Accept("DELETE"):
		out = p.remove()
	case p.Peek().Is("EXISTS") && p.IsCall():
		p.Pos += 2
		p.expect("SELECT")
		out = &Exists{*p.selection()}
		p.expect(")")
	default:
		p.fail(malformed("Expected data manipulation"))
	}
	p.Accept(";")
	if p.Peek().Kind != syntax.EOF {
		p.leftover()
	}
	return out
}

func (p *parse) leftover() { p.fail(malformed("Unexpected token after expression")) }

// selection reads the rest of a SELECT.
func (p *parse) selection() *Select {
	s := &Select{Columns: p.columns()}
	p.expect("FROM")
	s.table, s.Index = p.source()
	p.noAlias()
	if p.Accept("WHERE") {
		s.where = p.or()
	}
	if p.Accept("ORDER") {
		p.expect("BY")
		s.order = append(s.order, p.order())
		for p.Accept(",") {
			s.order = append(s.order, p.order())
		}
	}
	return s
}

func (p *parse) columns() []Column {
	if p.Accept("*") {
		if p.Peek().Is(",") {
			p.fail(errf("Other attributes should not be present in the projection when '*' is used."))
		}
		return nil
	}
	out := []Column{p.column()}
	for p.Accept(",") {
		out = append(out, p.column())
	}
	return out
}

func (p *parse) column() Column {
	if t := p.Peek(); p.IsCall() || p.isLiteral() {
		p.fail(errf("Unexpected path component at %s", p.at(t)))
	}
	path := p.path()
	return Column{columnName(path), path}
}

func columnName(path expr.Path) string {
	indexes := ""
	for i := len(path) - 1; ; i-- {
		name, index, element := path.Step(i)
		if !element {
			return name + indexes
		}
		indexes = "[" + strconv.Itoa(index) + "]" + indexes
	}
}

func (p *parse) order() order {
	o := order{Name: p.name()}
	o.Descending = p.Accept("DESC")
	if !o.Descending {
		p.Accept("ASC")
	}
	return o
}

// source reads the name of a table and, after a point, of an index.
func (p *parse) source() (name table, index string) {
	name = table(p.component())
	if p.Accept(".") {
		index = p.component()
	}
	if p.Peek().Is(".") {
		p.fail(errf("A path may contain at most 2 components in the FROM clause"))
	}
	return name, index
}

// target reads the name of the table that a statement changes.
func (p *parse) target() table {
	if !p.isName() {
		p.fail(malformed("Expected identifier for simple path"))
	}
	name, index := p.source()
	if index != "" {
		p.fail(errf("This operation is not supported on an index"))
	}
	return name
}

// noAlias refuses another name for the table.
func (p *parse) noAlias() {
	if p.isName() || p.Peek().Is("AS") {
		p.fail(errf("Aliasing is not supported"))
	}
}

// insert reads the rest of an INSERT.
func (p *parse) insert() *Insert {
	p.expect("INTO")
	s := &Insert{table: p.target()}
	if p.Peek().Is("(") {
		p.fail(malformed("Unexpected keyword"))
	}
	if !p.Accept("VALUE") {
		p.leftover()
	}
	if p.Accept("{") {
		s.Item = p.fields(func(string) item.Value { return p.value() })
		return s
	}
	v := p.value()
	if v.Kind() != item.MapKind {
		p.fail(malformed("Expected a tuple in VALUE"))
	}
	s.Item = v.Map()
	return s
}

// remove reads the rest of a DELETE.
func (p *parse) remove() *Delete {
	p.expect("FROM")
	s := &Delete{table: p.target()}
	p.noAlias()
	if p.Accept("WHERE") {
		s.where = p.or()
	}
	var clause string
	if s.Returning, clause = p.returning(); s.Returning > AllOld {
		p.fail(errf("Invalid returning clause: %s. Only RETURNING ALL OLD * is allowed in DELETE statements.", clause))
	}
	return s
}

// returning reads RETURNING, and how it is written in error texts.
func (p *parse) returning() (Returning, string) {
	if !p.Accept("RETURNING") {
		return None, ""
	}
	all := p.Accept("ALL")
	if !all {
		p.expect("MODIFIED")
	}
	old := p.Accept("OLD")
	if !old {
		p.expect("NEW")
	}
	p.expect("*")
	switch {
	case all && old:
		return AllOld, "RETURNING ALL OLD *"
	case all:
		return AllNew, "RETURNING ALL NEW *"
	case old:
		return ModifiedOld, "RETURNING MODIFIED OLD *"
	default:
		return ModifiedNew, "RETURNING MODIFIED NEW *"
	}
}
