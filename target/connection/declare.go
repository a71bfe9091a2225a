package connection

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast/target"
)

// A Declaration is a connection that a configuration file declares.
type Declaration struct {
	Name, Kind string
	Auth       AuthParameters
}

// Declare makes connections and API destinations equal to those of a file,
// whatever created them, and removes those that an earlier file of the same
// origin declared and this one does not. What is equal already stays untouched,
// except that a deauthorized connection is authorized again. Of destinations the
// name, connection, endpoint, method and rate count. Errors: ErrNotFound for a
// destination whose connection does not exist; *target.ParseError for a URL that is
// never called.
func (s *Connections) Declare(origin string, conns []Declaration, dests []Destination) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range conns {
		if err := s.declare(origin, d); err != nil {
			return fmt.Errorf("connection %s: %w", d.Name, err)
		}
	}
	for _, d := range dests {
		if err := s.declareDestination(origin, d); err != nil {
			return fmt.Errorf("API destination %s: %w", d.Name, err)
		}
	}
	var err error
	for name, d := range s.destinations {
		if d.Origin == origin && !slices.ContainsFunc(dests, func(x Destination) bool { return x.Name == name }) {
			err = errors.Join(err, s.removeDestination(name))
		}
	}
	for name, c := range s.connections {
		if c.Origin == origin && !slices.ContainsFunc(conns, func(x Declaration) bool { return x.Name == name }) {
			err = errors.Join(err, s.remove(name))
		}
	}
	return err
}

// declare makes a connection equal to that of the file. The caller holds mu.
func (s *Connections) declare(origin string, d Declaration) error {
	if err := target.CheckURL(d.Auth.TokenURL, s.opts.Target); err != nil {
		return err // also of one that is stored: the node may be closed since
	}
	now := s.opts.Now().UTC()
	c, known := s.connections[d.Name]
	if !known {
		c = Connection{Name: d.Name, ID: uuid.NewString(), Created: now}
	}
	was, err := s.auth(c)
	if err == nil && c.Origin == origin && c.Kind == d.Kind && c.Description == "" && c.State != Deauthorized && sameAuth(was, d.Auth) {
		return nil
	}
	c.Origin, c.Kind, c.Description, c.Modified = origin, d.Kind, "", now
	_, err = s.put(c, d.Auth)
	return err
}

func sameAuth(a, b AuthParameters) bool {
	x, err := json.Marshal(a)
	y, bad := json.Marshal(b)
	return err == nil && bad == nil && bytes.Equal(x, y)
}

// declareDestination makes an API destination equal to that of the file. The
// caller holds mu.
func (s *Connections) declareDestination(origin string, d Destination) error {
	if err := target.CheckURL(d.Endpoint, s.opts.Target); err != nil {
		return err
	}
	was, known := s.destinations[d.Name]
	d.Origin, d.ID, d.Created, d.Modified = origin, was.ID, was.Created, was.Modified
	d.Rate = cmp.Or(d.Rate, defaultRate)
	if d == was {
		return nil
	}
	if !known {
		d.ID, d.Created = uuid.NewString(), s.opts.Now().UTC()
	}
	_, err := s.putDestination(d)
	return err
}
