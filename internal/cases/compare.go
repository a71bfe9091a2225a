package cases

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
)

// compare returns what differs between the events that are expected and those
// that came, in order.
func (w *world) compare(expect []config.Expected, got []raised) (problems []string) {
	for i := range max(len(expect), len(got)) {
		switch {
		case i >= len(got):
			problems = append(problems, "missing: "+wanted(expect[i]))
		case i >= len(expect):
			problems = append(problems, "not expected: "+got[i].String())
		default:
			if p := w.differs(expect[i], got[i]); p != "" {
				problems = append(problems, p)
			}
		}
	}
	return problems
}

// String describes the event or the error in a line.
func (o raised) String() string {
	if o.err != nil {
		return "the change fails: " + o.err.Error()
	}
	return o.event.Definition + " " + string(o.event.Event.Detail)
}

func wanted(e config.Expected) string {
	if e.Fails != "" {
		return "a change that fails with " + e.Fails
	}
	return strings.TrimSpace(e.Event + " " + string(e.Detail))
}

// differs says how what was raised is not what was expected.
func (w *world) differs(e config.Expected, o raised) string {
	if e.Fails != "" || o.err != nil {
		if e.Fails != "" && o.err != nil && strings.Contains(o.err.Error(), e.Fails) {
			return ""
		}
		return "expected " + wanted(e) + "\ngot " + o.String()
	}
	if e.Event != o.event.Definition {
		return "expected " + wanted(e) + "\ngot " + o.String()
	}
	if e.Detail != nil {
		want, got := pretty(e.Detail), pretty(w.data(o.event))
		if want != got {
			return e.Event + " has another detail (- expected, + got):\n" + diff(want, got)
		}
	}
	if e.Match == nil {
		return ""
	}
	misses, err := e.Match.Explain(o.event.Event.AppendJSON(nil))
	if err != nil {
		return e.Event + ": " + err.Error()
	}
	var lines []string
	for _, m := range misses {
		lines = append(lines, m.String())
	}
	if len(lines) == 0 {
		return ""
	}
	return e.Event + " does not match: " + strings.Join(lines, "; ")
}

// data returns the detail without its envelope.
func (w *world) data(r mapping.Raised) []byte {
	for _, d := range w.file.Events {
		if d.Name != r.Definition || d.Shape.Envelope == "" || d.Shape.Envelope == mapping.Bare {
			continue
		}
		var e struct {
			Data jsontext.Value `json:"data"`
		}
		if err := json.Unmarshal(r.Event.Detail, &e); err == nil && e.Data != nil {
			return e.Data
		}
	}
	return r.Event.Detail
}

// pretty writes JSON in lines: members in order, numbers by value.
func pretty(text []byte) string {
	v, err := item.FromPlainJSON(text)
	if err != nil { // as numbers beyond DynamoDB's
		return string(text)
	}
	out := jsontext.Value(item.AppendPlainJSON(nil, v))
	if err := out.Indent(jsontext.WithIndent("  ")); err != nil {
		return string(text)
	}
	return string(out)
}

// diff returns the lines of two texts: those of both, and with - and + those of
// one alone.
func diff(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	common := make([][]int, len(x)+1) // lines in common behind i and j
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			fmt.Fprintf(&out, "  %s\n", x[i])
			i, j = i+1, j+1
		case i < len(x) && (j == len(y) || common[i+1][j] >= common[i][j+1]):
			fmt.Fprintf(&out, "- %s\n", x[i])
			i++
		default:
			fmt.Fprintf(&out, "+ %s\n", y[j])
			j++
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}
