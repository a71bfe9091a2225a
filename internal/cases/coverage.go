package cases

import (
	"slices"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/mapping"
)

// Coverage counts what cases exercised, by definition.
type Coverage map[string]*exercised

// exercised is how cases exercised one definition.
type exercised struct {
	Raised int             // events
	Guards []string        // its guards without "on", in order
	Held   map[string]bool // guards that held at least once
	Failed map[string]bool // guards that kept it from being raised at least once
}

func newCoverage(f *config.File) Coverage {
	out := Coverage{}
	for _, t := range f.Tables {
		for name, guards := range mapping.NewSet(ofTable(f, t.Name), f.Mapping(t.Name)).Guards() {
			out[name] = &exercised{Guards: guards[1:], Held: map[string]bool{}, Failed: map[string]bool{}}
		}
	}
	return out
}

func (c Coverage) add(_ string, verdicts []mapping.Verdict) {
	for _, v := range verdicts {
		e := c[v.Definition]
		e.Raised += len(v.Raised)
		for _, g := range v.Held {
			e.Held[g] = true
		}
		e.Failed[v.Guard] = true
	}
}

// Gaps returns what no case exercised, a line each, in the order of the names.
func (c Coverage) Gaps() (out []string) {
	for name, e := range c {
		if e.Raised == 0 {
			out = append(out, name+": no test raises it")
		}
		for _, g := range e.Guards {
			if !e.Held[g] {
				out = append(out, name+": no test in which "+g+" holds")
			}
			if !e.Failed[g] {
				out = append(out, name+": no test in which "+g+" alone keeps it from being raised")
			}
		}
	}
	slices.Sort(out)
	return out
}
