package item

import (
	"cmp"
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// Limits of numbers: significant digits, and the exponents of the first digit.
const (
	maxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// farExponent is larger than any exponent that digits could bring back into range.
const farExponent = 1 << 30

// A Num is a decimal number of up to 38 significant digits and a magnitude
// from 1E-130 to 9.99…E+125, or zero. Its value is 0.DIGITS × 10^point, with
// the sign; two equal numbers have equal fields.
type Num struct {
	neg    bool
	point  int
	digits string // no leading or trailing zeros; empty for zero
}

// ParseNumber reads a decimal number: an optional sign, digits with an
// optional point, an optional exponent. Errors are of type *Error.
func ParseNumber(text string) (Num, error) {
	bad := func() (Num, error) {
		if text == "" {
			return Num{}, errNumberEmpty
		}
		return Num{}, &Error{Msg: errNumberEmpty.Msg + ": " + cut(text, maxShown)}
	}
	rest, neg := text, false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		neg, rest = rest[0] == '-', rest[1:]
	}
	exp := 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		e, err := strconv.ParseInt(rest[i+1:], 10, 64)
		if err != nil {
			return bad()
		}
		// Clamped far beyond what a number may have, so that no sum with the number of
		// digits overflows.
		exp, rest = int(min(max(e, -farExponent), farExponent)), rest[:i]
	}
	whole, frac, _ := strings.Cut(rest, ".")
	digits := whole + frac
	if digits == "" || !allDigits(whole) || !allDigits(frac) {
		return bad()
	}
	return makeNum(neg, digits, len(whole)+exp)
}

// makeNum normalises the number 0.digits × 10^point and checks its limits.
func makeNum(neg bool, digits string, point int) (Num, error) {
	trimmed := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, "0")
	switch {
	case trimmed == "":
		return Num{}, nil
	case point-1 > maxExponent:
		return Num{}, errNumberLarge
	case point-1 < minExponent:
		return Num{}, errNumberSmall
	case len(trimmed) > maxDigits:
		return Num{}, errNumberDigits
	}
	return Num{neg, point, trimmed}, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// mustNum reads back what Num.String wrote.
func mustNum(canonical string) Num {
	n, err := ParseNumber(canonical)
	if err != nil {
		panic("item: not a canonical number: " + canonical)
	}
	return n
}

// NumOf returns the number n.
func NumOf(n int64) Num { return mustNum(strconv.FormatInt(n, 10)) }

// Value returns the number as a Value.
func (n Num) Value() Value { return Value{kind: Number, str: n.String()} }

// String returns the number in plain decimal notation, as DynamoDB prints it:
// no exponent, no superfluous zeros.
func (n Num) String() string {
	if n.digits == "" {
		return "0"
	}
	var b strings.Builder
	if n.neg {
		b.WriteByte('-')
	}
	switch {
	case n.point <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -n.point))
		b.WriteString(n.digits)
	case n.point >= len(n.digits):
		b.WriteString(n.digits)
		b.WriteString(strings.Repeat("0", n.point-len(n.digits)))
	default:
		b.WriteString(n.digits[:n.point])
		b.WriteByte('.')
		b.WriteString(n.digits[n.point:])
	}
	return b.String()
}

// sign returns -1, 0 or 1.
func (n Num) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.neg:
		return -1
	default:
		return 1
	}
}

// Cmp compares by value: -1, 0 or 1.
func (n Num) Cmp(m Num) int {
	if c := cmp.Compare(n.sign(), m.sign()); c != 0 || n.digits == "" {
		return c
	}
	c := cmp.Compare(n.point, m.point)
	if c == 0 {
		c = strings.Compare(n.digits, m.digits)
	}
	return c * n.sign()
}

// Add returns n + m, or an *Error if the sum has more than 38 digits or is out
// of range. DynamoDB calls a sum of too many digits an overflow, too.
func (n Num) Add(m Num) (Num, error) {
	scale := max(len(n.digits)-n.point, len(m.digits)-m.point)
	sum := new(big.Int).Add(n.scaled(scale), m.scaled(scale))
	neg := sum.Sign() < 0
	digits := sum.Abs(sum).String()
	out, err := makeNum(neg, digits, len(digits)-scale)
	if errors.Is(err, errNumberDigits) {
		err = errNumberLarge
	}
	return out, err
}

// Sub returns n - m, with the errors of Add.
func (n Num) Sub(m Num) (Num, error) {
	m.neg = !m.neg
	return n.Add(m)
}

// scaled returns n × 10^scale, which must be whole.
func (n Num) scaled(scale int) *big.Int {
	i := new(big.Int)
	if n.digits == "" {
		return i
	}
	i.SetString(n.digits+strings.Repeat("0", scale-(len(n.digits)-n.point)), 10)
	if n.neg {
		i.Neg(i)
	}
	return i
}

// Mul returns n × m, rounded half to even to 38 digits, or an *Error if it is
// out of range.
func (n Num) Mul(m Num) (Num, error) {
	product := new(big.Int).Mul(n.unscaled(), m.unscaled())
	digits := product.String()
	point := n.point - len(n.digits) + m.point - len(m.digits) + len(digits)
	return rounded(n.neg != m.neg, digits, point, false)
}

// quoDigits is how many digits a quotient is computed to before it is rounded.
const quoDigits = maxDigits + 2

// Quo returns n ÷ m, rounded half to even to 38 digits, or an *Error if it is
// out of range. m is not zero.
func (n Num) Quo(m Num) (Num, error) {
	shift := quoDigits + len(m.digits)
	dividend := n.unscaled()
	dividend.Mul(dividend, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	quotient, rest := dividend.QuoRem(dividend, m.unscaled(), new(big.Int))
	digits := quotient.String()
	point := (n.point - len(n.digits)) - (m.point - len(m.digits)) - shift + len(digits)
	return rounded(n.neg != m.neg, digits, point, rest.Sign() != 0)
}

// IsZero reports whether the number is zero.
func (n Num) IsZero() bool { return n.digits == "" }

// unscaled returns the digits as a whole number.
func (n Num) unscaled() *big.Int {
	i := new(big.Int)
	if n.digits != "" {
		i.SetString(n.digits, 10)
	}
	return i
}

// rounded makes the number 0.digits × 10^point, rounded half to even to 38
// digits; more says that digits follow which are not zero.
func rounded(neg bool, digits string, point int, more bool) (Num, error) {
	if len(digits) <= maxDigits {
		return makeNum(neg, digits, point)
	}
	kept, tail := digits[:maxDigits], digits[maxDigits:]
	half := strings.Compare(tail, "5"+strings.Repeat("0", len(tail)-1))
	if half < 0 || half == 0 && !more && (kept[maxDigits-1]-'0')%2 == 0 {
		return makeNum(neg, kept, point)
	}
	up, _ := new(big.Int).SetString(kept, 10)
	kept = up.Add(up, big.NewInt(1)).String()
	return makeNum(neg, kept, point+len(kept)-maxDigits)
}
