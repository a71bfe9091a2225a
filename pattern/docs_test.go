package pattern

import (
	"os"
	"regexp"
	"testing"
)

// Every row of the table in docs/patterns.md holds.
func TestDocumentedPatterns(t *testing.T) {
	text, err := os.ReadFile("../docs/patterns.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(.+?)` \\| (.+) \\|$").FindAllStringSubmatch(string(text), -1)
	event := regexp.MustCompile("([+-]) `(.+?)`")
	events := 0
	for _, row := range rows {
		p, err := Compile([]byte(row[1]))
		if err != nil {
			t.Errorf("%s: %v", row[1], err)
			continue
		}
		for _, e := range event.FindAllStringSubmatch(row[2], -1) {
			events++
			if got, err := p.Match([]byte(e[2])); err != nil || got != (e[1] == "+") {
				t.Errorf("%s on %s: %v, %v", row[1], e[0], got, err)
			}
		}
	}
	if len(rows) < 16 || events < 35 {
		t.Errorf("found only %d rows and %d events", len(rows), events)
	}
}
