package keys

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tablecast/tablecast/internal/local"
)

// A Key signs requests.
type Key struct {
	// ID is the access key id, which signatures name.
	ID string `json:"id"`
	// Name is the key's own name, as "orders-service". No two keys have one name.
	Name string `json:"name"`
	// Secret is the secret access key.
	Secret  string    `json:"secret"`
	Created time.Time `json:"created"`
	// Expires is when the key ends; zero means never.
	Expires time.Time `json:"expires,omitzero"`
	// Allow lists what the key may do. An empty list allows nothing.
	Allow []Grant `json:"allow"`
}

// A Grant allows actions on resources.
type Grant struct {
	// Actions are AWS's names of actions, as "dynamodb:PutItem", in which * stands
	// for any text. Case does not matter.
	Actions []string `json:"actions"`
	// Resources are ARNs in which * stands for any text. One without account and
	// region, as arn:aws:dynamodb:::table/orders, is of those of the node.
	Resources []string `json:"resources"`
}

// Everything is the grant of a key that may do all there is.
var Everything = Grant{Actions: []string{"*"}, Resources: []string{"*"}}

// Allows reports whether a grant of the key has both the action and the resource,
// which the caller gives without account and region if they are the node's.
func (k *Key) Allows(action, resource string) bool {
	for _, g := range k.Allow {
		if anyMatches(g.Actions, action, strings.ToLower) && anyMatches(g.Resources, resource, strings.Clone) {
			return true
		}
	}
	return false
}

// Expired reports whether the key has ended at a time.
func (k *Key) Expired(at time.Time) bool { return !k.Expires.IsZero() && !at.Before(k.Expires) }

func anyMatches(patterns []string, text string, form func(string) string) bool {
	for _, p := range patterns {
		if matches(form(p), form(text)) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern, in which * stands for any text, is the whole
// of a text.
func matches(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	for ok {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		// The first place that fits leaves the most for the parts that follow.
		_, text, ok = strings.Cut(text, part)
		rest = next
	}
	return false
}

// ErrSpec means that a key was described wrongly: its name, an action, or a
// resource.
var ErrSpec = errors.New("keys: not a valid key")

var (
	nameForm   = regexp.MustCompile(`^[a-zA-Z0-9+=,.@_-]{1,64}$`)
	actionForm = regexp.MustCompile(`^(\*|(dynamodb|events|lambda|tablecast):[A-Za-z*]+)$`)
)

// ParseGrant reads the actions of a grant, with commas between them, and its
// resources. A resource without "arn:" is one of the actions' service on the node, as
// table/orders or function:welcome; none means all. Errors: ErrSpec.
func ParseGrant(actions string, resources []string) (Grant, error) {
	var g Grant
	for a := range strings.SplitSeq(actions, ",") {
		if !actionForm.MatchString(a) {
			return g, fmt.Errorf("%w: action %q: write SERVICE:ACTION, as in dynamodb:PutItem, events:* or tablecast:Read", ErrSpec, a)
		}
		g.Actions = append(g.Actions, a)
	}
	for _, r := range resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") {
			service, err := oneService(g.Actions)
			if err != nil {
				return g, fmt.Errorf("%w for resource %q", err, r)
			}
			r = local.ARN(service, "", "", r)
		}
		g.Resources = append(g.Resources, r)
	}
	if g.Resources == nil {
		g.Resources = []string{"*"}
	}
	return g, nil
}

// oneService returns the service of all actions.
func oneService(actions []string) (string, error) {
	service, _, _ := strings.Cut(actions[0], ":")
	for _, a := range actions {
		if s, _, _ := strings.Cut(a, ":"); s != service || s == "*" {
			return "", fmt.Errorf("%w: the actions are of several services: write the whole ARN", ErrSpec)
		}
	}
	return service, nil
}
