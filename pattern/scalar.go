package pattern

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A scalar is a JSON value that is no object or array, in a form in which
// equal values are equal: kind is the JSON kind ('"', '0', 't', 'f', 'n'), text
// is the decoded string or the canonical number.
type scalar struct {
	kind byte
	text string
}

func scalarOf(tok jsontext.Token) scalar {
	switch k := tok.Kind(); k {
	case '"':
		return scalar{'"', tok.String()}
	case '0':
		return scalar{'0', canonical(tok.String())}
	default:
		return scalar{kind: byte(k)}
	}
}

// String writes the scalar as JSON.
func (s scalar) String() string {
	switch s.kind {
	case '"':
		b, _ := jsontext.AppendQuote(nil, s.text)
		return string(b)
	case '0':
		return s.text
	case 't':
		return "true"
	case 'f':
		return "false"
	default:
		return "null"
	}
}

// canonical writes a JSON number so that numbers of equal value are the same
// text: digits without leading and trailing zeros, and the exponent of the
// last.
func canonical(text string) string {
	if plainInteger(text) {
		return text
	}
	rest, neg := strings.CutPrefix(text, "-")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		e, err := strconv.Atoi(rest[i+1:])
		if err != nil {
			return text // far out of any range: equal only to itself
		}
		mantissa, exponent = rest[:i], e
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+frac, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed) - len(frac)
	if trimmed == "" {
		return "0"
	}
	sign := ""
	if neg {
		sign = "-"
	}
	if exponent == 0 {
		return sign + trimmed
	}
	if exponent > 0 && exponent < 20 {
		return sign + trimmed + strings.Repeat("0", exponent)
	}
	return sign + trimmed + "e" + strconv.Itoa(exponent)
}

// plainInteger reports whether the text is an integer of up to 19 digits that
// is canonical as it stands.
func plainInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 19 || digits[0] == '0' && text != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// comparableNumber returns the number as a float64, if that is its exact value as
// far as decimal digits go.
func comparableNumber(canon string) (float64, bool) {
	f, err := strconv.ParseFloat(canon, 64)
	if err != nil {
		return 0, false
	}
	return f, canonical(strconv.FormatFloat(f, 'g', -1, 64)) == canon
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
