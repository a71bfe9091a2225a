package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/target"
)

// A token authorizes calls until it expires.
type token struct {
	text    string
	expires time.Time
}

const (
	// tokenLife is how long a token without expires_in is used.
	tokenLife = time.Hour
	// tokenMargin is how long before it expires a token is replaced.
	tokenMargin = 10 * time.Second
	maxToken    = 64 << 10 // bytes of a token endpoint's response
)

// token returns a token of a connection, the one in memory or a new one. It is
// requested without mu: several calls may request one at the same time, and the
// last one is kept.
func (s *Connections) token(ctx context.Context, c Connection) (string, error) {
	s.mu.Lock()
	have := s.tokens[c.Name]
	a, err := s.auth(c)
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	if have.text != "" && time.Until(have.expires) > 0 {
		return have.text, nil
	}
	fetched, err := s.fetch(ctx, a)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.connections[c.Name]; ok && now.ID == c.ID && now.Modified.Equal(c.Modified) {
		s.tokens[c.Name] = fetched
	}
	return fetched.text, nil
}

// dropToken forgets the token of a connection, which was refused.
func (s *Connections) dropToken(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, name)
}

// fetch requests a token by RFC 6749, section 4.4, with the client's id and secret
// in the body, or in the query of a GET.
func (s *Connections) fetch(ctx context.Context, a AuthParameters) (t token, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}}
	for _, p := range a.TokenParameters.Body {
		form.Set(p.Key, p.Value)
	}
	at, err := url.Parse(a.TokenURL)
	if err != nil {
		return t, errors.New("the authorization endpoint is no URL")
	}
	query := at.Query()
	var body io.Reader
	if a.TokenMethod == http.MethodGet {
		for k, v := range form {
			query[k] = v
		}
	} else {
		body = strings.NewReader(form.Encode())
	}
	for _, p := range a.TokenParameters.Query {
		query.Set(p.Key, p.Value)
	}
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, a.TokenMethod, at.String(), body)
	if err != nil {
		return t, errors.New("the authorization endpoint cannot be called")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, p := range a.TokenParameters.Header {
		req.Header.Set(p.Key, p.Value)
	}
	return s.requestToken(req)
}

// requestToken makes the call of the token endpoint. Its errors show nothing of the
// request, whose URL may contain the secret.
func (s *Connections) requestToken(req *http.Request) (t token, err error) {
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		return t, fmt.Errorf("the authorization endpoint does not answer: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil || resp.StatusCode/100 != 2 {
		return t, fmt.Errorf("the authorization endpoint answered %s", resp.Status)
	}
	var in struct {
		Token   string  `json:"access_token"`
		Seconds float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(text, &in); err != nil || in.Token == "" {
		return t, errors.New("the authorization endpoint answered without an access_token")
	}
	life := tokenLife
	if in.Seconds > 0 {
		life = time.Duration(min(in.Seconds, 1e9)*float64(time.Second)) - tokenMargin
	}
	return token{in.Token, time.Now().Add(life)}, nil
}

// authorizeCall adds the authorization and the parameters of a connection to a
// request, and returns the body with the connection's body parameters.
func (s *Connections) authorizeCall(ctx context.Context, c Connection, req *http.Request, body []byte) ([]byte, error) {
	s.mu.Lock()
	a, err := s.auth(c)
	s.mu.Unlock()
	if err != nil {
		return nil, denied("connection %s cannot be used: %v", c.Name, err)
	}
	switch c.Kind {
	case Basic:
		req.SetBasicAuth(a.Username, a.Password)
	case APIKey:
		req.Header.Set(a.KeyName, a.KeyValue)
	case OAuth:
		text, err := s.token(ctx, c)
		if err != nil {
			return nil, denied("connection %s has no token: %v", c.Name, err)
		}
		req.Header.Set("Authorization", "Bearer "+text)
	}
	query := req.URL.Query()
	for _, p := range a.Invocation.Query {
		query.Set(p.Key, p.Value)
	}
	req.URL.RawQuery = query.Encode()
	setHeaders(req.Header, a.Invocation.Header)
	return mergeBody(body, a.Invocation.Body), nil
}

func denied(format string, args ...any) error {
	return &target.Error{Code: target.CodeNoPermissions, Msg: fmt.Sprintf(format, args...)}
}

// mergeBody adds members to a body that is a JSON object; other bodies stay as they
// are.
func mergeBody(body []byte, params []Parameter) []byte {
	trimmed := bytes.TrimSpace(body)
	if len(params) == 0 || len(trimmed) == 0 || trimmed[0] != '{' {
		return body
	}
	out := []byte("{")
	for i, p := range params {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, encode(p.Key)...), ':'), encode(p.Value)...)
	}
	if rest := bytes.TrimSpace(trimmed[1:]); len(rest) > 0 && rest[0] != '}' {
		out = append(out, ',')
	}
	return append(out, trimmed[1:]...)
}
