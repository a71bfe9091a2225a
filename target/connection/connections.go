package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// Options configure Connections. Key must be set.
type Options struct {
	// Key encrypts the authorization parameters.
	Key seal.Key
	// Target has the limits of calls, as of webhooks: Timeout, PublicOnly, Allow
	// and TLS.
	Target target.Options
	// Now is the clock of creation times. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// Connections are all connections and API destinations of a store. Methods may
// be called from any goroutine.
type Connections struct {
	store  *kv.Store
	opts   Options
	client *http.Client
	wakeup wait.Signal // a connection needs a token

	// mu guards what is below, and is held over the commits that change it, so
	// that memory and store agree. No call to the outside is made under it.
	mu           sync.Mutex
	connections  map[string]Connection
	destinations map[string]Destination
	tokens       map[string]token     // of OAuth, by connection; never stored
	nextCall     map[string]time.Time // by destination: when the next call may start
}

// Open reads the connections of a store. The error wraps kv.ErrCorrupt for one that
// cannot be read; a key that does not decrypt them is no error, see invariant 1.
func Open(store *kv.Store, o Options) (*Connections, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Connections{
		store: store, opts: o, client: target.NewClient(o.Target), wakeup: wait.NewSignal(),
		connections: map[string]Connection{}, destinations: map[string]Destination{}, tokens: map[string]token{}, nextCall: map[string]time.Time{},
	}
	if err := load(store, 'c', s.connections, func(c Connection) string { return c.Name }); err != nil {
		return nil, err
	}
	if err := load(store, 'd', s.destinations, func(d Destination) string { return d.Name }); err != nil {
		return nil, err
	}
	for name, c := range s.connections {
		if _, err := s.auth(c); err != nil && c.State != Deauthorized {
			c.State, c.Reason = Deauthorized, "The node's key does not open its parameters: "+err.Error()+"."
			s.connections[name] = c
			o.Logger.Error("connection: parameters cannot be read", "connection", name, "error", err)
		}
	}
	return s, nil
}

// load reads the stored values of one kind into a map by their names.
func load[T any](store *kv.Store, kind byte, into map[string]T, name func(T) string) error {
	it := store.Scan(kv.Prefix(kv.NewKey('k').Raw([]byte{kind})))
	for it.Next() {
		var v T
		if err := json.Unmarshal(bytes.Clone(it.Value()), &v); err != nil {
			return errors.Join(fmt.Errorf("connection: %w: stored value: %w", kv.ErrCorrupt, err), it.Close())
		}
		into[name(v)] = v
	}
	return it.Close()
}

// Run authorizes connections that need a token, until ctx ends.
func (s *Connections) Run(ctx context.Context) error {
	defer s.client.CloseIdleConnections()
	s.wakeup.Set()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakeup:
		}
		for _, c := range s.List("") {
			if c.State == Authorizing {
				s.authorize(ctx, c)
			}
		}
	}
}

// authorize requests the first token of a connection. The request runs without mu;
// afterwards its result counts only if the connection is still the same: it may
// have been changed, or deleted and created again, meanwhile.
func (s *Connections) authorize(ctx context.Context, c Connection) {
	_, err := s.token(ctx, c)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.connections[c.Name]
	if !ok || now.ID != c.ID || !now.Modified.Equal(c.Modified) {
		return
	}
	fetched := s.tokens[c.Name]
	if err != nil {
		now.State, now.Reason = Deauthorized, "No token: "+err.Error()
	} else {
		now.State, now.Reason, now.Authorized = Authorized, "", s.opts.Now().UTC()
	}
	if err := s.saveConnection(now); err != nil {
		s.opts.Logger.Warn("connection: authorize", "connection", c.Name, "error", err)
	}
	s.tokens[c.Name] = fetched
}

func (s *Connections) save(fill func(*kv.Batch)) error {
	b := s.store.NewBatch()
	b.UseReserve()
	fill(b)
	_, err := s.store.Commit(b)
	return err
}

// encode returns the stored form of a value.
func encode(v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("connection: %v", err)) // plain data always marshals
	}
	return out
}
