package cases

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// WriteJUnit writes results as the XML that CI systems read.
func WriteJUnit(w io.Writer, suite string, results []Result) error {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testCase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		File    string   `xml:"file,attr"`
		Line    int      `xml:"line,attr"`
		Time    string   `xml:"time,attr"`
		Failure *failure `xml:"failure,omitempty"`
	}
	out := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []testCase `xml:"testcase"`
	}{Name: suite, Tests: len(results)}
	for _, r := range results {
		c := testCase{Name: r.Case.Name, Class: suite, File: r.Case.Place.Path, Line: r.Case.Place.Line, Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
		if len(r.Problems) > 0 {
			out.Failures++
			first, _, _ := strings.Cut(r.Problems[0], "\n")
			c.Failure = &failure{first, strings.Join(r.Problems, "\n")}
		}
		out.Cases = append(out.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	return enc.Encode(out)
}
