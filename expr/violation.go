package expr

// A grade is a class of violations in an expression that is well formed. However
// many there are, one is reported: that of the class which DynamoDB looks for
// first, and of its class the first in the text.
type grade int

const (
	gradeUnknown  grade = iota // a function that does not exist
	gradeMisused               // a function that is not allowed in this place
	gradeReserved              // a name that is a reserved word
	gradeSection               // a section of an update that occurs twice
	gradeName                  // an alias of a name that is not defined
	gradeValue                 // an alias of a value that is not defined
	gradePath                  // two paths that overlap or conflict
	gradeOperand               // operands that the operator does not take
)

// priority returns the place of a grade in the order in which DynamoDB looks. In
// updates and projections reserved words come first; in conditions all grades
// from gradeSection on are one class.
func (p *parse) priority(g grade) grade {
	if p.field == updateField || p.field == projectionField {
		if g == gradeReserved {
			return -1
		}
		return g
	}
	return min(g, gradeSection)
}

// report keeps a violation that was found at the next token, unless one that
// takes precedence is kept already. The parsing goes on.
func (p *parse) report(g grade, format string, args ...any) { p.reportAt(p.Pos, g, format, args...) }

// reportAt is report for a violation at the token at pos.
func (p *parse) reportAt(pos int, g grade, format string, args ...any) {
	at := p.priority(g)
	if p.violation == nil || at < p.violated || at == p.violated && pos < p.violatedAt {
		p.violation, p.violated, p.violatedAt = errf(p.field, format, args...), at, pos
	}
}
