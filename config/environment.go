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
		value, set := r.variable(name)
		switch {
		case set && value != "":
			return value
		case hasFallback:
			return fallback
		case !set:
			msg := "environment variable " + name + " is not set"
			if r.closed {
				msg = "environment variable " + name + " was not sent along"
			}
			r.fault(n, msg, "set it, or write ${env:"+name+":-default}")
			ok = false
		}
		return value
	})
	return out, ok
}

// withheld stands in File.Variables for the value of a secret.
const withheld = "withheld"

// variable returns a variable of the environment, and keeps it in File.Variables.
func (r *reader) variable(name string) (value string, set bool) {
	if r.closed {
		value, set = r.variables[name]
		return value, set
	}
	if value, set = os.LookupEnv(name); !set {
		return "", false
	}
	kept := value
	if known, ok := r.file.Variables[name]; r.withhold && value != "" {
		kept = withheld
		if ok {
			kept = known
		}
	}
	if r.file.Variables == nil {
		r.file.Variables = map[string]string{}
	}
	r.file.Variables[name] = kept
	return value, set
}

// withheldText is text for a value that decides of no event: a secret, or a
// variable of a function.
func (r *reader) withheldText(n ast.Node, what string) (string, bool) {
	r.withhold = true
	defer func() { r.withhold = false }()
	return r.text(n, what)
}
