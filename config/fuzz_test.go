package config

import (
	"errors"
	"runtime"
	"testing"
)

// No text breaks the reader: it is a good file, or it has faults with places.
func FuzzParse(f *testing.F) {
	f.Add(full)
	for _, s := range []string{"a: &a [*a]", "tables: {? {}: 1}", "events: !!x {}", "a: {<<: *b}", "\xff", "rules: {r: {pattern: [[[}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		file, err := Parse("f", []byte(src))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 512<<20 {
			t.Errorf("%d bytes of text took %d MiB", len(src), n>>20)
		}
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

// No text breaks the reader of tests.
func FuzzCases(f *testing.F) {
	file, err := Parse("tablecast.yaml", []byte(full))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"tests:\n- name: a\n  given: [ { put: { table: users, item: { id: u1 } } } ]\n  expect: [ { event: E, detail: { a: 1 } } ]", "tests: [ { given: {}, expect: [[]] } ]", "tests: &a [*a]", "- 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		_, err := parseCases(file, "f", []byte(src))
		var faults Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Fatal(err)
		}
	})
}
