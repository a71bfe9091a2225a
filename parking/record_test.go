package parking

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
)

type named struct{ error }

func (named) EventName() string { return "Created" }

// The reason says whether a record only waits, and which event could not be made.
func TestBlame(t *testing.T) {
	r := &Record{}
	r.Blame(fmt.Errorf("x: %w", named{errors.New("no")}))
	if r.Definition != "Created" || r.Behind || r.Error != "x: no" {
		t.Errorf("%+v", r)
	}
	r.Blame(ErrBehind)
	if r.Definition != "" || !r.Behind {
		t.Errorf("%+v", r)
	}
}

// All fields of a selection must hold; those that are empty hold for any record.
func TestSelection(t *testing.T) {
	if !(&Selection{}).IsZero() || (&Selection{Seqs: []string{"7"}}).IsZero() {
		t.Error("which selection is zero")
	}
	at := time.Unix(1_800_000_000, 0)
	key := item.MapOf(item.Field{Name: "id", Value: item.S("a")})
	r := &Record{Table: "users", Mapping: "uuid", Function: "f", Definition: "E", Seq: "7", Group: `users{"id":"a"}`, At: at}
	for _, c := range []struct {
		sel  Selection
		want bool
	}{
		{Selection{}, true},
		{Selection{Table: "users", Mapping: "uuid", Event: "E", Key: key, Seqs: []string{"6", "7"}, Since: at, Before: at.Add(1)}, true},
		{Selection{Mapping: "f"}, true},
		{Selection{Table: "user"}, false},
		{Selection{Table: "users", Event: "F"}, false},
		{Selection{Mapping: "E"}, false},
		{Selection{Key: item.MapOf(item.Field{Name: "id", Value: item.S("b")})}, false},
		{Selection{Seqs: []string{"6"}}, false},
		{Selection{Since: at.Add(1)}, false},
		{Selection{Before: at}, false},
	} {
		if got := c.sel.Has(r); got != c.want {
			t.Errorf("%+v: %v", c.sel, got)
		}
	}
}

// What makes no sense is told as damage.
func TestDamaged(t *testing.T) {
	for _, text := range []string{``, `{`, `[]`, `{"tries":"x"}`} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, r := range []*Record{
		{Op: "INSERT"}, {Op: "NONE", Keys: []byte(`{"id":{"S":"a"}}`)}, {Op: "REMOVE", Keys: []byte(`{"id":{"S":7}}`)}, {Op: "MODIFY", Keys: []byte(`{"id":{"S":"a"}}`), New: []byte(`{`)},
	} {
		if _, err := r.Change(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Several lots have nothing only if none has, and one that fails keeps from none.
func TestAcross(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		errs []error
		want error
	}{
		{nil, nil}, {[]error{nil}, nil}, {[]error{ErrNoMatch}, ErrNoMatch}, {[]error{ErrNoMatch, nil}, nil}, {[]error{ErrNoMatch, ErrNoMatch}, ErrNoMatch}, {[]error{ErrNoMatch, other}, other}, {[]error{other, nil, ErrNoMatch}, other},
	} {
		called := 0
		if err := Across(c.errs, func(err error) error { called++; return err }); !errors.Is(err, c.want) || called != len(c.errs) {
			t.Errorf("%v: %v, %d called", c.errs, err, called)
		}
	}
}
