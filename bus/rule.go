package bus

import (
	"strings"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/pattern"
)

// A Bus is where events go in.
type Bus struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitzero"`
	Created     time.Time `json:"created"`
	Modified    time.Time `json:"modified"`
	Origin      string    `json:"origin,omitzero"`
}

// A Rule says which events of its bus go to its targets.
type Rule struct {
	Bus         string   `json:"bus"`
	Name        string   `json:"name"`
	Pattern     string   `json:"pattern"`
	Disabled    bool     `json:"disabled,omitzero"`
	Description string   `json:"description,omitzero"`
	RoleARN     string   `json:"roleArn,omitzero"`
	Targets     []Target `json:"targets,omitzero"`
	// Origin names the file that declared the rule; empty for the API.
	Origin string `json:"origin,omitzero"`
}

// MaxTargets is how many targets a rule may have.
const MaxTargets = 5

// A Target is where a rule sends its events, and in what form.
type Target struct {
	ID      string `json:"id"`
	ARN     string `json:"arn"`
	RoleARN string `json:"roleArn,omitzero"`
	// Of these at most one is set; none sends the whole event.
	Input     string `json:"input,omitzero"`     // this JSON text, whatever the event
	InputPath string `json:"inputPath,omitzero"` // what the path leads to in the event
	// MaxRetries and MaxAgeSeconds bound the retries; nil and 0 are
	// EventBridge's 185 and 24 h.
	MaxRetries    *int `json:"maxRetries,omitzero"`
	MaxAgeSeconds int  `json:"maxAgeSeconds,omitzero"`
	Ordered       bool `json:"ordered,omitzero"`
	// DeadLetterARN is kept for AWS tools; dead letters stay in the store.
	DeadLetterARN string `json:"deadLetterArn,omitzero"`
	Origin        string `json:"origin,omitzero"`
}

// body returns what makes a target's input of an event; nil for the envelope.
func (t *Target) body() func(*event.Event) ([]byte, error) {
	switch {
	case t.Input != "":
		text := []byte(t.Input)
		return func(*event.Event) ([]byte, error) { return text, nil }
	case t.InputPath != "" && t.InputPath != "$":
		return func(e *event.Event) ([]byte, error) { return selectPath(e.AppendJSON(nil), t.InputPath) }
	default:
		return nil
	}
}

// A ruleSet is the enabled rules of a bus. It never changes.
type ruleSet struct {
	rules []*Rule
	set   *pattern.Set
}

// newRuleSet compiles the enabled rules.
func newRuleSet(rules map[string]*Rule) (*ruleSet, error) {
	rs := &ruleSet{}
	var patterns []*pattern.Pattern
	for _, r := range rules {
		if r.Disabled || r.Pattern == "" {
			continue
		}
		p, err := pattern.Compile([]byte(r.Pattern))
		if err != nil {
			return nil, err
		}
		rs.rules = append(rs.rules, r)
		patterns = append(patterns, p)
	}
	rs.set = pattern.NewSet(patterns)
	return rs, nil
}

// match returns the rules that want the event.
func (rs *ruleSet) match(e *event.Event) ([]*Rule, error) {
	if len(rs.rules) == 0 {
		return nil, nil
	}
	found, err := rs.set.Match(e.AppendJSON(nil), nil)
	if err != nil {
		return nil, err
	}
	out := make([]*Rule, len(found))
	for i, n := range found {
		out[i] = rs.rules[n]
	}
	return out, nil
}

// validPath reports whether a text is a path that InputPath takes: $ followed
// by .name and [n].
func validPath(p string) bool { return p == "$" || strings.HasPrefix(p, "$.") }
