package pattern

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are events that are made to cost time or memory.
var hostile = map[string]string{
	"deep objects":      strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
	"deep arrays":       `{"a":` + strings.Repeat("[", 1000) + "1" + strings.Repeat("]", 1000) + "}",
	"too deep":          `{"a":` + strings.Repeat("[", 100_000),
	"empty objects":     `{"a":[` + strings.Repeat("{},", 1<<20/3) + `{}]}`,
	"many values":       `{"a":[` + strings.Repeat("1,", 1<<17) + `1]}`,
	"many elements":     `{"a":[` + strings.Repeat(`{"b":1},{"c":2},`, 1<<16) + `{}]}`,
	"deep many":         `{"a":` + strings.Repeat("[", 1000) + strings.Repeat("1,", 1<<17) + "1" + strings.Repeat("]", 1000) + "}",
	"repeated names":    `{` + strings.Repeat(`"a":{"b":1},`, 1<<16) + `"z":1}`,
	"repeated arrays":   `{` + strings.Repeat(`"a":[{"b":1},{"c":2}],`, 1<<14) + `"z":1}`,
	"invalid UTF-8":     `{"a":{"b":"` + strings.Repeat("\xff\xc0\xaf", 1<<18) + `"}}`,
	"long number":       `{"a":` + strings.Repeat("9", 1<<20) + `}`,
	"large exponent":    `{"a":1e999999999999999999}`,
	"long text":         `{"a":{"b":"` + strings.Repeat("xy", 1<<19) + `"}}`,
	"never ends":        `{"a":"` + strings.Repeat("x", 1<<20),
	"nothing that ends": strings.Repeat(`{"a":{},`, 1<<17),
}

// Hostile events are matched or refused in little time and in memory that is in
// proportion to their size, whatever the patterns are.
func TestHostileEvents(t *testing.T) {
	var patterns []*Pattern
	for _, src := range []string{
		`{"a":{"b":[1],"c":[2]}}`, `{"a":[2,{"numeric":[">",1,"<",2]}]}`, `{"a":{"b":[{"wildcard":"*` + strings.Repeat("xy*", 300) + `z"}]}}`,
		`{"a":{"b":[{"suffix":{"equals-ignore-case":"q"}}],"c":[{"exists":false}]}}`, `{"a":{"a":{"a":[{"anything-but":"x"}]}}}`, `{"a":{"b":[{"cidr":"10.0.0.0/8"}]}}`,
	} {
		p, err := Compile([]byte(src))
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		patterns = append(patterns, p)
	}
	for name, event := range hostile {
		t.Run(name, func(t *testing.T) {
			set := NewSet(patterns)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := set.Match([]byte(event), nil)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(150*len(event)+1<<20); used > limit {
				t.Errorf("%d bytes for an event of %d", used, len(event))
			}
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if ends := strings.HasSuffix(event, "}"); ends != (err == nil) {
				t.Errorf("error %v", err)
			}
			for _, p := range patterns[:2] {
				ok, _ := p.Match([]byte(event))
				misses, explained := p.Explain([]byte(event))
				if (err == nil) != (explained == nil) || err == nil && ok != (len(misses) == 0) {
					t.Errorf("explained by %v, %v", misses, explained)
				}
			}
		})
	}
}

// What cannot be decided within the limit of trials is refused, not guessed:
// here twelve fields must come from eleven arrays, of each one element.
func TestAmbiguous(t *testing.T) {
	var fields, elements []string
	for i := range 12 {
		fields = append(fields, fmt.Sprintf(`"f%d":[1]`, i))
		elements = append(elements, fmt.Sprintf(`{"f%d":1}`, i))
	}
	p, err := Compile([]byte(`{"a":{` + strings.Join(fields, ",") + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	array := `"a":[` + strings.Join(elements, ",") + `],`
	if _, err := p.Match([]byte(`{` + strings.Repeat(array, 11) + `"z":1}`)); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("11 arrays: %v", err)
	}
	if ok, err := p.Match([]byte(`{` + strings.Repeat(array, 12) + `"z":1}`)); !ok || err != nil {
		t.Errorf("12 arrays: %v, %v", ok, err)
	}
}

// The time for a wildcard grows with the text and not with a power of it: eight
// times the text takes nowhere near 64 times the time.
func TestWildcardsTakeLinearTime(t *testing.T) {
	var patterns []*Pattern
	for i := range 100 {
		p, err := Compile(fmt.Appendf(nil, `{"a":[{"wildcard":"%s*b%d"},{"wildcard":"*%sc*"}]}`, strings.Repeat("*a", 50), i, strings.Repeat("a*", 50+i)))
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	set := NewSet(patterns)
	fastest := func(n int) time.Duration {
		event := []byte(`{"a":"` + strings.Repeat("a", n) + `"}`)
		best := time.Hour
		for range 5 {
			start := time.Now()
			if found, err := set.Match(event, nil); err != nil || len(found) > 0 {
				t.Fatal(found, err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	if small, large := fastest(1<<15), fastest(1<<18); large > 32*small {
		t.Errorf("%v for 32 KB, %v for 256 KB", small, large)
	}
}
