package schema

import (
	"cmp"
	"encoding/json" // for the type alone that the validator gives numbers
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A number is one of a document as the validator reads it, with all its digits.
type number = json.Number

// maxDigits is the most digits of a number, written without an exponent, on either
// side of the point.
const maxDigits = 1000

// checkNumbers returns an error if a number of a document has more digits than
// maxDigits. To compute with one would take long, and makes the validator panic.
func checkNumbers(v any, location []string) error {
	switch v := v.(type) {
	case number:
		mantissa, exponent, _ := strings.Cut(strings.ToLower(string(v)), "e")
		n, err := strconv.Atoi(cmp.Or(exponent, "0"))
		if err != nil || n < -maxDigits || n > maxDigits || len(mantissa) > maxDigits {
			return fmt.Errorf("%s has a number of more than %d digits", pointer(location), maxDigits)
		}
	case []any:
		for i, e := range v {
			if err := checkNumbers(e, append(location, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := checkNumbers(v[name], append(location, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// numberType returns the type of JSON Schema that a number is written as.
func numberType(n number) string {
	if strings.ContainsAny(string(n), ".eE") {
		return "number"
	}
	return "integer"
}

// rational returns the value of a keyword that is a number; nil if it is none.
func rational(v any) *big.Rat {
	n, ok := v.(number)
	if !ok {
		return nil
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil
	}
	return r
}
