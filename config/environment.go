package config

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A reference to the environment, or one that a $ before it makes plain text.
var reference = regexp.MustCompile(`\$?\$\{env:([^}]*)\}`)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// fromEnvironment reports whether a text takes a part from the environment.
func fromEnvironment(n ast.Node) bool {
	text, _ := textOf(n)
	return slices.ContainsFunc(reference.FindAllString(text, -1), func(found string) bool { return !strings.HasPrefix(found, "$$") })
}

// environment replaces each ${env:NAME} and ${env:NAME:-DEFAULT} of a text by
// the variable's value, or the default if the variable is not set or empty;
// $${env:…} stands for itself without the first $. Nothing else in a text is
// special, so shell commands may have their own ${…}.
func (r *reader) environment(n ast.Node, text string) (string, bool) {
	ok := true
	out := reference.ReplaceAllStringFunc(text, func(found string) string {
		if plain, escaped := strings.CutPrefix(found, "$$"); escaped {
			return "$" + plain
		}
		name, fallback, hasFallback := strings.Cut(found[len("${env:"):len(found)-1], ":-")
		if !variable.MatchString(name) {
			r.fault(n, found+" names no environment variable", "write ${env:NAME} or ${env:NAME:-default}")
			ok = false
			return ""
		}
		value, set := os.LookupEnv(name)
		switch {
		case set && value != "":
			return value
		case hasFallback:
			return fallback
		case !set:
			r.fault(n, "environment variable "+name+" is not set", "set it, or write ${env:"+name+":-default}")
			ok = false
		}
		return value
	})
	return out, ok
}
