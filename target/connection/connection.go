package connection

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// Values of Connection.Kind, the authorization types of EventBridge's API.
const (
	Basic  = "BASIC"
	APIKey = "API_KEY"
	OAuth  = "OAUTH_CLIENT_CREDENTIALS"
)

// Values of Connection.State, which are those of EventBridge's API.
const (
	Authorized   = "AUTHORIZED"
	Authorizing  = "AUTHORIZING"
	Deauthorized = "DEAUTHORIZED"
)

// A Connection says how calls of API destinations are authorized.
type Connection struct {
	Name        string `json:"name"`
	ID          string `json:"id"` // a UUID, in its ARN
	Description string `json:"description,omitzero"`
	Kind        string `json:"kind"`
	Origin      string `json:"origin,omitzero"` // what declared it; empty for the API
	// State is one of the constants above. Reason says why it is Deauthorized.
	State  string `json:"state"`
	Reason string `json:"reason,omitzero"`
	// Authorized is when the connection was authorized last; zero if it never
	// was.
	Created    time.Time `json:"created"`
	Modified   time.Time `json:"modified"`
	Authorized time.Time `json:"authorized,omitzero"`
	// Sealed are the encrypted AuthParameters, exported to be stored; empty
	// after Deauthorize.
	Sealed []byte `json:"sealed,omitzero"`
}

// AuthParameters are the authorization parameters of a connection, secrets
// included. Password, KeyValue, ClientSecret and the values of parameters with
// Secret are secret.
type AuthParameters struct {
	Username, Password string // of Basic
	KeyName, KeyValue  string // of APIKey: name and value of a header
	// Of OAuth: the endpoint for tokens, its HTTP method and what is sent there.
	TokenURL, TokenMethod  string
	ClientID, ClientSecret string
	TokenParameters        Parameters
	// Invocation is sent with each call.
	Invocation Parameters
}

// Parameters are additional headers, query parameters and members of the body.
type Parameters struct{ Header, Query, Body []Parameter }

// A Parameter is one of Parameters.
type Parameter struct {
	Key, Value string
	Secret     bool
}

// redacted returns the parameters with the secrets removed.
func (a AuthParameters) redacted() AuthParameters {
	a.Password, a.KeyValue, a.ClientSecret = "", "", ""
	for _, list := range []*[]Parameter{
		&a.TokenParameters.Header, &a.TokenParameters.Query, &a.TokenParameters.Body,
		&a.Invocation.Header, &a.Invocation.Query, &a.Invocation.Body,
	} {
		*list = slices.Clone(*list)
		for i := range *list {
			if (*list)[i].Secret {
				(*list)[i].Value = ""
			}
		}
	}
	return a
}

// Errors of connections and API destinations, wrapped in a NameError.
var (
	ErrNotFound            = errors.New("connection: no such connection")
	ErrExists              = errors.New("connection: connection exists")
	ErrDestinationNotFound = errors.New("connection: no such API destination")
	ErrDestinationExists   = errors.New("connection: API destination exists")
)

// A NameError is an error about a connection or an API destination.
type NameError struct {
	Name string
	Err  error // one of those above
}

// Error returns the error and the name.
func (e *NameError) Error() string { return e.Err.Error() + ": " + e.Name }

// Unwrap returns the error without the name.
func (e *NameError) Unwrap() error { return e.Err }

func connectionKey(name string) kv.Key { return kv.NewKey('k').Raw([]byte{'c'}).String(name) }

// Create creates a connection with the name, description and kind of c. Errors:
// ErrExists; *target.ParseError for a TokenURL that is never called.
func (s *Connections) Create(c Connection, a AuthParameters) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.connections[c.Name]; exists {
		return Connection{}, &NameError{c.Name, ErrExists}
	}
	now := s.opts.Now().UTC()
	c.ID, c.Created, c.Modified = uuid.NewString(), now, now
	return s.put(c, a)
}

// put stores a connection with its authorization parameters. The caller holds mu.
// Errors: *target.ParseError.
func (s *Connections) put(c Connection, a AuthParameters) (Connection, error) {
	if err := target.CheckURL(a.TokenURL, s.opts.Target); err != nil {
		return Connection{}, err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return Connection{}, err
	}
	c.State, c.Reason, c.Sealed = Authorized, "", s.opts.Key.Seal(c.Name, text)
	if c.Kind == OAuth {
		c.State = Authorizing
	} else {
		c.Authorized = s.opts.Now().UTC()
	}
	if err := s.saveConnection(c); err != nil {
		return Connection{}, err
	}
	s.wakeup.Set()
	return c, nil
}

// saveConnection stores a connection and then lets it take effect, without the
// token of the old one. The caller holds mu.
func (s *Connections) saveConnection(c Connection) error {
	err := s.save(func(b *kv.Batch) { b.Set(connectionKey(c.Name), encode(c)) })
	if err == nil {
		s.connections[c.Name] = c
		delete(s.tokens, c.Name)
	}
	return err
}

// Update calls edit with copies of a connection and its authorization parameters,
// and stores what edit makes of them. Errors: ErrNotFound, those of Create for a
// URL, and those of edit.
func (s *Connections) Update(name string, edit func(*Connection, *AuthParameters) error) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.connections[name]
	if !ok {
		return Connection{}, &NameError{name, ErrNotFound}
	}
	a, _ := s.auth(c) // parameters that cannot be decrypted are empty, to be set again
	if err := edit(&c, &a); err != nil {
		return Connection{}, err
	}
	c.Modified = s.opts.Now().UTC()
	return s.put(c, a)
}

// Deauthorize deletes the authorization parameters of a connection. Errors:
// ErrNotFound.
func (s *Connections) Deauthorize(name string) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.connections[name]
	if !ok {
		return Connection{}, &NameError{name, ErrNotFound}
	}
	c.State, c.Reason, c.Sealed, c.Modified = Deauthorized, "Deauthorized on request.", nil, s.opts.Now().UTC()
	return c, s.saveConnection(c)
}

// Delete removes a connection. Calls of its API destinations fail, and are
// retried, until a connection of that name exists again. Errors: ErrNotFound.
func (s *Connections) Delete(name string) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.connections[name]
	if !ok {
		return Connection{}, &NameError{name, ErrNotFound}
	}
	return c, s.remove(name)
}

// remove removes a connection. The caller holds mu.
func (s *Connections) remove(name string) error {
	err := s.save(func(b *kv.Batch) { b.Delete(connectionKey(name)) })
	if err == nil {
		delete(s.connections, name)
		delete(s.tokens, name)
	}
	return err
}

// Describe returns a connection and its parameters without the secrets. Errors:
// ErrNotFound.
func (s *Connections) Describe(name string) (Connection, AuthParameters, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.connections[name]
	if !ok {
		return Connection{}, AuthParameters{}, &NameError{name, ErrNotFound}
	}
	a, _ := s.auth(c)
	return c, a.redacted(), nil
}

// List returns the connections whose names begin with prefix, in order.
func (s *Connections) List(prefix string) []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return withPrefix(s.connections, prefix)
}

// withPrefix returns the values whose names begin with prefix, in the order of the
// names.
func withPrefix[T any](values map[string]T, prefix string) (out []T) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.HasPrefix(name, prefix) {
			out = append(out, values[name])
		}
	}
	return out
}

// auth decrypts the authorization parameters of a connection.
func (s *Connections) auth(c Connection) (a AuthParameters, err error) {
	if len(c.Sealed) == 0 {
		return a, errors.New("it is deauthorized")
	}
	text, err := s.opts.Key.Open(c.Name, c.Sealed)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(text, &a)
}
