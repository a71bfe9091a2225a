package item

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Products and quotients are those of exact arithmetic, half an even last digit
// away at most.
func TestMulQuo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[1-9][0-9]{0,37}(E-?[0-9])?`)
		a, errA := ParseNumber(text.Draw(t, "a"))
		b, errB := ParseNumber(text.Draw(t, "b"))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		check := func(name string, got Num, err error, want *big.Rat) {
			if err != nil {
				t.Fatalf("%s %s %s: %v", a, name, b, err)
			}
			off := new(big.Rat).Sub(exactly(got), want)
			unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(200), nil)) // scaled, so that exponents stay whole
			last := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(200+got.point-maxDigits)), nil))
			half := new(big.Rat).Quo(last, unit)
			half.Quo(half, big.NewRat(2, 1))
			if off.Abs(off).Cmp(half) > 0 {
				t.Errorf("%s %s %s = %s, want %s", a, name, b, got, want.FloatString(60))
			}
		}
		product, err := a.Mul(b)
		check("×", product, err, new(big.Rat).Mul(exactly(a), exactly(b)))
		quotient, err := a.Quo(b)
		check("÷", quotient, err, new(big.Rat).Quo(exactly(a), exactly(b)))
	})
}

func exactly(n Num) *big.Rat {
	r, _ := new(big.Rat).SetString(n.String())
	return r
}

// Halves go to the even digit, and what follows a half is seen.
func TestRounding(t *testing.T) {
	for _, c := range []struct{ digits, want string }{
		{"12345678901234567890123456789012345678" + "5", "12345678901234567890123456789012345678"},
		{"12345678901234567890123456789012345677" + "5", "12345678901234567890123456789012345678"},
		{"12345678901234567890123456789012345678" + "51", "12345678901234567890123456789012345679"},
		{"99999999999999999999999999999999999999" + "6", "100000000000000000000000000000000000000"},
	} {
		if got, err := rounded(false, c.digits, 38, false); err != nil || got.String() != c.want {
			t.Errorf("%s: %s, %v, want %s", c.digits, got, err, c.want)
		}
	}
	if got, _ := rounded(false, "123456789012345678901234567890123456785", 38, true); got.String() != "12345678901234567890123456789012345679" {
		t.Errorf("a half and more: %s", got)
	}
	if got, err := NumOf(0).Mul(NumOf(-3)); err != nil || got.String() != "0" {
		t.Errorf("%s, %v", got, err)
	}
}
