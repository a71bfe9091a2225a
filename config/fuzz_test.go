package config

import (
	"errors"
	"testing"
)

// No text breaks the reader: it is a good file, or it has faults with places.
func FuzzParse(f *testing.F) {
	f.Add(full)
	for _, s := range []string{"a: &a [*a]", "tables: {? {}: 1}", "events: !!x {}", "a: {<<: *b}", "\xff", "rules: {r: {pattern: [[[}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		file, err := Parse("f", []byte(src))
		var faults Faults
		if (file == nil) == (err == nil) || err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Fatalf("%v, %v", file, err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Msg == "" {
				t.Errorf("%+v", fault)
			}
		}
	})
}
