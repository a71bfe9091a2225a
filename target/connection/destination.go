package connection

import (
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// defaultRate is how many calls of a destination may start in a second unless it
// says otherwise.
const defaultRate = 300

// A Destination is an API destination: an HTTP endpoint that rules call, with the
// connection that authorizes the calls.
type Destination struct {
	Name        string    `json:"name"`
	ID          string    `json:"id"` // a UUID, in its ARN
	Description string    `json:"description,omitzero"`
	Connection  string    `json:"connection"` // its name
	Endpoint    string    `json:"endpoint"`   // a URL; path parameters replace each * in its path in turn
	Method      string    `json:"method"`
	Rate        int       `json:"rate"`            // calls that may start in a second
	Origin      string    `json:"origin,omitzero"` // what declared it; empty for the API
	Created     time.Time `json:"created"`
	Modified    time.Time `json:"modified"`
}

func destinationKey(name string) kv.Key { return kv.NewKey('k').Raw([]byte{'d'}).String(name) }

// CreateDestination creates an API destination and sets its ID and times. Errors:
// ErrDestinationExists; ErrNotFound if its connection does not exist;
// *target.ParseError for an endpoint that is never called.
func (s *Connections) CreateDestination(d Destination) (Destination, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.destinations[d.Name]; exists {
		return Destination{}, &NameError{d.Name, ErrDestinationExists}
	}
	now := s.opts.Now().UTC()
	d.ID, d.Created = uuid.NewString(), now
	return s.putDestination(d)
}

// UpdateDestination calls edit with a copy of an API destination and stores what
// edit makes of it. Errors: ErrDestinationNotFound; ErrNotFound if its connection
// does not exist; *target.ParseError for an endpoint that is never called.
func (s *Connections) UpdateDestination(name string, edit func(*Destination)) (Destination, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.destinations[name]
	if !ok {
		return Destination{}, &NameError{name, ErrDestinationNotFound}
	}
	edit(&d)
	return s.putDestination(d)
}

// putDestination stores a destination. The caller holds mu.
func (s *Connections) putDestination(d Destination) (Destination, error) {
	if err := target.CheckURL(d.Endpoint, s.opts.Target); err != nil {
		return Destination{}, err
	}
	if _, ok := s.connections[d.Connection]; !ok {
		return Destination{}, &NameError{d.Connection, ErrNotFound}
	}
	if d.Rate == 0 {
		d.Rate = defaultRate
	}
	d.Modified = s.opts.Now().UTC()
	if err := s.save(func(b *kv.Batch) { b.Set(destinationKey(d.Name), encode(d)) }); err != nil {
		return Destination{}, err
	}
	s.destinations[d.Name] = d
	return d, nil
}

// DeleteDestination removes an API destination. Errors: ErrDestinationNotFound.
func (s *Connections) DeleteDestination(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.destinations[name]; !ok {
		return &NameError{name, ErrDestinationNotFound}
	}
	return s.removeDestination(name)
}

// removeDestination removes an API destination. The caller holds mu.
func (s *Connections) removeDestination(name string) error {
	err := s.save(func(b *kv.Batch) { b.Delete(destinationKey(name)) })
	if err == nil {
		delete(s.destinations, name)
		delete(s.nextCall, name)
	}
	return err
}

// Destination returns an API destination; active says whether its connection is
// authorized. Errors: ErrDestinationNotFound.
func (s *Connections) Destination(name string) (d Destination, active bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.destinations[name]
	if !ok {
		return d, false, &NameError{name, ErrDestinationNotFound}
	}
	return d, s.connections[d.Connection].State == Authorized, nil
}

// Destinations returns the API destinations whose names begin with prefix, in
// order.
func (s *Connections) Destinations(prefix string) []Destination {
	s.mu.Lock()
	defer s.mu.Unlock()
	return withPrefix(s.destinations, prefix)
}

// reserveCall reserves the next time at which the destination's rate allows a call,
// and returns how long the caller has to wait for it.
func (s *Connections) reserveCall(d Destination) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	at := s.nextCall[d.Name]
	if at.Before(now) {
		at = now
	}
	s.nextCall[d.Name] = at.Add(time.Second / time.Duration(d.Rate))
	return at.Sub(now)
}
