package awsjson

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/local"
)

// A Permission is what a request needs: an action, as "dynamodb:PutItem", on a
// resource, an ARN.
type Permission struct{ Action, Resource string }

// Anything stands for all resources: only keys whose grant has the resource * have
// the permission.
const Anything = "*"

// On returns the need for an operation's own action on each of the resources.
func On(resources ...string) []Permission {
	out := make([]Permission, len(resources))
	for i, r := range resources {
		out[i].Resource = r
	}
	return out
}

// ToCall returns the needs of a request that lets the node call targets for its client:
// the permission to call each function, event bus and API destination of the node, and
// the operation's own action on each other ARN. Targets that are not named by ARNs, as
// URLs, need nothing.
func ToCall(targets ...string) (out []Permission) {
	for _, text := range targets {
		a, err := arn.Parse(text)
		if err != nil {
			continue
		}
		kind, name, _ := strings.Cut(strings.Replace(a.Resource, "/", ":", 1), ":")
		switch a.Service + " " + kind {
		case "lambda function":
			name, _, _ = strings.Cut(name, ":")
			a.Resource = "function:" + name
			out = append(out, Permission{"lambda:InvokeFunction", a.String()})
		case "events event-bus":
			out = append(out, Permission{"events:PutEvents", text})
		case "events api-destination":
			name, _, _ = strings.Cut(name, "/")
			a.Resource = "api-destination/" + name
			out = append(out, Permission{"events:InvokeApiDestination", a.String()})
		default:
			out = append(out, Permission{Resource: text})
		}
	}
	return out
}

// named gives permissions without an action this one. A request that names no
// resource needs the action on Anything.
func named(action string, need []Permission) []Permission {
	if len(need) == 0 {
		need = On(Anything)
	}
	for i := range need {
		if need[i].Action == "" {
			need[i].Action = action
		}
	}
	return need
}

// authorize reports whether a key has all permissions that a request needs.
func (a *Auth) authorize(k *keys.Key, need []Permission) error {
	for _, p := range need {
		if !a.allows(k, p) {
			return &Error{Type: accessDenied, Status: http.StatusBadRequest,
				Message: "User: " + local.ARN("iam", "", cmp.Or(a.Account, local.Account), "user/"+k.Name) + " is not authorized to perform: " + p.Action +
					" on resource: " + p.Resource + " because no identity-based policy allows the " + p.Action + " action"}
		}
	}
	return nil
}

// allows reports whether a key has a permission. Its grants name what is the node's
// with account and region, or without both.
func (a *Auth) allows(k *keys.Key, p Permission) bool {
	if k.Allows(p.Action, p.Resource) {
		return true
	}
	id, err := arn.Parse(p.Resource)
	if err != nil || !(local.Home{Account: a.Account, Region: a.Region}).OrDefault().Owns(id) {
		return false
	}
	id.AccountID, id.Region = "", ""
	return k.Allows(p.Action, id.String())
}

// An entry is what a request wants to reach.
type entry struct {
	service string // that signatures must be scoped to
	rest    bool   // the request has a path and a query
	basic   bool   // a Basic credential is as good as a signature
	needs   func() ([]Permission, error)
}

// admit is the one way in: on a closed node it identifies the key, reads from the
// request what it needs, and lets it through if its key has all of that. The key is nil
// on an open node.
func (s *server) admit(r *http.Request, buf *buffer, to entry) (*keys.Key, error) {
	a := s.opts.Auth
	if !s.closed() {
		return nil, nil
	}
	k, err := a.identify(r, buf.b, to)
	if err != nil {
		return nil, err
	}
	buf.verified()
	need, err := to.needs()
	if err != nil {
		return nil, err
	}
	return k, a.authorize(k, need)
}

// identify returns the key that the request proves to have.
func (a *Auth) identify(r *http.Request, body []byte, to entry) (*keys.Key, error) {
	if id, secret, ok := r.BasicAuth(); ok && to.basic {
		return a.basic(id, secret)
	}
	return a.verify(r, to.service, to.rest, body)
}

// basic returns the key that a Basic credential names.
func (a *Auth) basic(id, secret string) (*keys.Key, error) {
	k, known := a.Keys.Find(id)
	right := subtle.ConstantTimeCompare([]byte(k.Secret), []byte(secret)) == 1
	switch {
	case !known || !right:
		return nil, errUnrecognized
	case k.Expired(a.now()):
		return nil, errExpired
	default:
		return &k, nil
	}
}
