package pattern

import (
	"bytes"
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
func canonical(text string) string { return string(appendCanonical(nil, text)) }

func appendCanonical(dst []byte, text string) []byte {
	if plainInteger(text) {
		return append(dst, text...)
	}
	rest, neg := strings.CutPrefix(text, "-")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		e, err := strconv.Atoi(rest[i+1:])
		if err != nil || e > maxExponent || e < -maxExponent {
			return append(dst, text...) // far out of any range: equal only to itself
		}
		mantissa, exponent = rest[:i], e
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	sign := len(dst)
	if neg {
		dst = append(dst, '-')
	}
	start := len(dst)
	dst = append(append(dst, strings.TrimLeft(whole, "0")...), frac...)
	if len(dst)-start == len(frac) { // no whole part
		dst = append(dst[:start], strings.TrimLeft(frac, "0")...)
	}
	digits := len(dst) - start
	dst = append(dst[:start], bytes.TrimRight(dst[start:], "0")...)
	exponent += digits - (len(dst) - start) - len(frac)
	switch {
	case len(dst) == start:
		return append(dst[:sign], '0')
	case exponent > 0 && exponent < 20:
		return append(dst, "00000000000000000000"[:exponent]...)
	case exponent != 0:
		return strconv.AppendInt(append(dst, 'e'), int64(exponent), 10)
	}
	return dst
}

// maxExponent is beyond that of any number that has a use.
const maxExponent = 1_000_000_000

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

// comparableNumber returns the canonical number as a float64, if that is its
// exact value as far as decimal digits go.
func comparableNumber(canon string) (float64, bool) {
	f, err := strconv.ParseFloat(canon, 64)
	if err != nil {
		return 0, false
	}
	if len(canon) <= 15 && plainInteger(canon) {
		return f, true
	}
	var short, back [32]byte
	text := strconv.AppendFloat(short[:0], f, 'g', -1, 64)
	return f, string(appendCanonical(back[:0], view(text))) == canon
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
