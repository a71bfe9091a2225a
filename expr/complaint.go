package expr

// A grade is a class of complaints about an expression that parses. However many
// there are, one is told: that of the class which DynamoDB looks for first, and
// of its class the first in the text.
type grade int

const (
	gradeParens   grade = iota // redundant parentheses
	gradeUnknown               // a function that does not exist
	gradeMisused               // a function that is not for this place
	gradeReserved              // a name that is a reserved word
	gradeSection               // a section of an update that is there twice
	gradeName                  // an alias of a name that is not defined
	gradeValue                 // an alias of a value that is not defined
	gradePath                  // two paths that overlap or conflict
	gradeOperand               // operands that do not fit
)

// rank orders the grades. In updates and projections reserved words come first;
// in conditions all that is below them is of one class.
func (p *parse) rank(g grade) grade {
	if p.field == updateField || p.field == projectionField {
		if g == gradeReserved {
			return -1
		}
		return g
	}
	return min(g, gradeSection)
}

// complain keeps a complaint, unless one that is told before it is kept already.
func (p *parse) complain(g grade, format string, args ...any) {
	if r := p.rank(g); p.complaint == nil || r < p.worst {
		p.complaint, p.worst = errf(p.field, format, args...), r
	}
}
