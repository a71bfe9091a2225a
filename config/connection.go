package config

import (
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

// Limits of connections.
const (
	maxAuthText   = 512
	maxURL        = 2048
	maxParameters = 100 // of one kind
)

// connection reads how to authorize calls.
func (r *reader) connection(p pair) {
	what := "connection " + p.name
	r.ruleName(p, "connection")
	d := connection.Declaration{Name: p.name}
	fields := r.fields(p.value, what, "basic", "api-key", "oauth", "header", "query", "body")
	if _, ok := entries(p.value); !ok {
		return
	}
	for _, way := range []struct {
		key, kind string
		read      func(ast.Node, string) connection.AuthParameters
	}{{"basic", connection.Basic, r.basic}, {"api-key", connection.APIKey, r.apiKey}, {"oauth", connection.OAuth, r.oauth}} {
		v, ok := fields[way.key]
		switch {
		case !ok:
		case d.Kind != "":
			r.fault(v, what+" authorizes in several ways", "keep one of basic, api-key and oauth")
		default:
			d.Kind, d.Auth = way.kind, way.read(v, way.key+" of "+what)
		}
	}
	if d.Kind == "" {
		r.fault(p.key, what+" does not say how to authorize", `add basic: { username: NAME, password: "${env:PASSWORD}" }, api-key: { name: HEADER, value: "${env:KEY}" }, or oauth:`)
	}
	d.Auth.Invocation = r.parameters(fields, what)
	r.file.Connections = append(r.file.Connections, d)
}

func (r *reader) basic(n ast.Node, what string) (a connection.AuthParameters) {
	fields := r.need(n, what, []string{"username", "password"})
	a.Username, a.Password = r.authText(fields["username"], "username of "+what), r.secret(fields["password"], "password of "+what)
	return a
}

func (r *reader) apiKey(n ast.Node, what string) (a connection.AuthParameters) {
	fields := r.need(n, what, []string{"name", "value"})
	a.KeyName, a.KeyValue = r.authText(fields["name"], "name of "+what), r.secret(fields["value"], "value of "+what)
	return a
}

func (r *reader) oauth(n ast.Node, what string) (a connection.AuthParameters) {
	fields := r.need(n, what, []string{"token-url", "client-id", "client-secret"}, "method", "header", "query", "body")
	a.TokenURL = r.httpURL(fields["token-url"], "token-url of "+what)
	a.TokenMethod = http.MethodPost
	if v, ok := fields["method"]; ok {
		a.TokenMethod, _ = r.oneOf(v, "method of "+what, http.MethodPost, http.MethodGet, http.MethodPut)
	}
	a.ClientID, a.ClientSecret = r.authText(fields["client-id"], "client-id of "+what), r.secret(fields["client-secret"], "client-secret of "+what)
	a.TokenParameters = r.parameters(fields, what)
	return a
}

// authText reads a text that a call is authorized with; "" for none.
func (r *reader) authText(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	s, ok := r.withheldText(n, what)
	if ok && (s == "" || utf8.RuneCountInString(s) > maxAuthText) {
		r.fault(n, what+" has "+strconv.Itoa(utf8.RuneCountInString(s))+" characters", "write 1 to "+strconv.Itoa(maxAuthText))
	}
	return s
}

// secret reads a text that does not stand in the file; "" for none.
func (r *reader) secret(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	if !fromEnvironment(n) {
		r.fault(n, what+" stands in the file", "keep secrets out of it: write \"${env:NAME}\" and set the environment variable")
		return ""
	}
	return r.authText(n, what)
}

// parameters reads what is sent with a call. What comes from the environment is
// secret.
func (r *reader) parameters(fields map[string]ast.Node, what string) (p connection.Parameters) {
	read := func(key string) (out []connection.Parameter) {
		of := key + " of " + what
		r.each(fields[key], of, func(e pair) {
			s, _ := r.withheldText(e.value, e.name+" in "+of)
			out = append(out, connection.Parameter{Key: e.name, Value: s, Secret: fromEnvironment(e.value)})
		})
		if len(out) > maxParameters {
			r.fault(fields[key], of+" has "+strconv.Itoa(len(out))+" entries", "keep "+strconv.Itoa(maxParameters))
		}
		return out
	}
	return connection.Parameters{Header: read("header"), Query: read("query"), Body: read("body")}
}

// httpURL reads a URL that is called; "" for none.
func (r *reader) httpURL(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	s, ok := r.text(n, what)
	if !ok {
		return ""
	}
	if u := endpoint(s); u == nil || u.User != nil || len(s) > maxURL {
		r.fault(n, what+" is no URL that can be called", "write https://HOST/PATH, without a user")
	} else if bad := (*target.ParseError)(nil); errors.As(target.CheckURL(s, target.Options{}), &bad) {
		r.fault(n, what+" is "+quoted(s)+": "+bad.Msg, "write "+bad.Fix)
	}
	return s
}
