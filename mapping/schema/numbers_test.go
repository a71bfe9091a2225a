package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/mapping/schema"
)

// A number that is too large to compute with, which any JSON may hold, is a
// complaint: it neither ends the process nor takes long.
func TestHugeNumbers(t *testing.T) {
	for _, text := range []string{
		`{"properties":{"n":{"minimum":0}}}`, `{"properties":{"n":{"multipleOf":3}}}`, `{"properties":{"n":{"type":"integer"}}}`,
		`{"properties":{"n":{"enum":[1,2]}}}`, `{"properties":{"n":{"items":{"minimum":0}}}}`, `{"properties":{"n":{"uniqueItems":true}}}`,
	} {
		s, err := schema.Compile([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{
			"1e99999999", "1e999998", "-1E-999998", "1e99999999999999999999", "0e99999999", strings.Repeat("9", 1<<20), "0." + strings.Repeat("9", 1<<20),
			"[" + strings.Repeat("1e999998,", 3000) + "1]",
		} {
			begin := time.Now()
			err := s.Validate([]byte(`{"n":` + n + `}`))
			if !errors.Is(err, schema.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "/n") || len(err.Error()) > 1000 {
				t.Errorf("%s of %.20s: %.200v", text, n, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s of %.20s took %s", text, n, took)
			}
		}
		for _, n := range []string{"12345678901234567890123456789012345678e88", "1E-130", "1e308"} {
			if err := s.Validate([]byte(`{"n":` + n + `}`)); err != nil && strings.Contains(err.Error(), "digits") {
				t.Errorf("%s of %s: %v", text, n, err)
			}
		}
	}
	for _, n := range []string{"1e99999999", "1e999998", strings.Repeat("9", 1<<19)} {
		if _, err := schema.Compile([]byte(`{"minimum":` + n + `}`)); !errors.Is(err, schema.ErrSchema) {
			t.Errorf("a schema with %.20s: %v", n, err)
		}
	}
}
