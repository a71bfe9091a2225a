package config

import (
	"net/url"

	"github.com/goccy/go-yaml/ast"
)

// Places of tables and of buses, besides the URL of an endpoint.
const (
	Embedded = "embedded" // this process and its folder
	AWS      = "aws"      // Amazon DynamoDB, Amazon EventBridge
)

// place reads where the tables or the buses are.
func (r *reader) place(n ast.Node, what string) string {
	text, ok := r.text(n, what)
	if ok && !IsPlace(text) {
		r.fault(n, what+" is "+quoted(text), "write embedded, aws, or the URL of an endpoint")
	}
	return text
}

// IsPlace reports whether a text is Embedded, AWS or the URL of an endpoint.
func IsPlace(text string) bool {
	return text == Embedded || text == AWS || endpoint(text) != nil
}

// endpoint returns a URL that can be called by HTTP; nil if the text is none.
func endpoint(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	return u
}
