package eventbridge

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// maxPolicy is the most characters of a bus's policy.
const maxPolicy = 10_240

// A policy is a resource policy as PutPermission writes it.
type policy struct {
	Version   string           `json:"Version"`
	Statement []jsontext.Value `json:"Statement"`
}

// A statement is one permission.
type statement struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Principal jsontext.Value `json:"Principal"`
	Action    string         `json:"Action"`
	Resource  string         `json:"Resource"`
	Condition jsontext.Value `json:"Condition,omitzero"`
}

// sid returns the id of a statement in a policy; empty if it has none.
func sid(v jsontext.Value) string {
	var s struct{ Sid string }
	_ = json.Unmarshal(v, &s) // a policy may be any JSON
	return s.Sid
}

type condition struct{ Type, Key, Value *string }

type permission struct {
	EventBusName, Action, Principal, StatementId, Policy *string
	Condition                                            *condition
}

var (
	permissionAction    = whole(64, `events:[a-zA-Z]+`)
	permissionPrincipal = whole(12, `(\d{12}|\*)`)
	statementID         = whole(64, `[a-zA-Z0-9-_]+`)
)

func (p *permission) validate() error {
	var v awsjson.Validator
	v.Text(p.EventBusName, "eventBusName", busName)
	v.Text(p.Action, "action", permissionAction)
	v.Text(p.Principal, "principal", permissionPrincipal)
	v.Text(p.StatementId, "statementId", statementID)
	if c := p.Condition; c != nil {
		v.Required(c.Type != nil, "condition.type")
		v.Required(c.Key != nil, "condition.key")
		v.Required(c.Value != nil, "condition.value")
	}
	if err := v.Err(); err != nil {
		return err
	}
	switch c := p.Condition; {
	case p.Policy != nil && (p.Action != nil || p.Principal != nil || p.StatementId != nil || c != nil):
		return awsjson.Validation("You may not specify a policy and other parameters.")
	case p.Policy == nil && (p.Action == nil || p.Principal == nil || p.StatementId == nil):
		return awsjson.Validation("You must specify a policy, or an action, a principal and a statement id.")
	case c != nil && (*p.Principal != "*" || *c.Type != "StringEquals" || *c.Key != "aws:PrincipalOrgID"):
		return awsjson.Validation("A condition takes the principal * and compares aws:PrincipalOrgID by StringEquals.")
	case p.Policy != nil && !jsontext.Value(*p.Policy).IsValid():
		return awsjson.Validation("This policy contains invalid Json")
	}
	return nil
}

// statement returns what the permission adds to the policy of a bus.
func (p *permission) statement(arn string) (jsontext.Value, error) {
	s := statement{Sid: *p.StatementId, Effect: "Allow", Principal: jsontext.Value(`"*"`), Action: *p.Action, Resource: arn}
	if *p.Principal != "*" {
		s.Principal = jsontext.Value(`{"AWS":"arn:aws:iam::` + *p.Principal + `:root"}`)
	}
	if c := p.Condition; c != nil {
		text, err := json.Marshal(map[string]map[string]string{*c.Type: {*c.Key: *c.Value}})
		if err != nil {
			return nil, err
		}
		s.Condition = text
	}
	return json.Marshal(&s)
}

// statements reads the policy of a bus. A policy that was given whole may have any
// form; one that is no list of statements counts as empty, and is replaced.
func statements(b *bus.Bus) (out policy) {
	if json.Unmarshal([]byte(b.Policy), &out) != nil {
		out = policy{}
	}
	out.Version = "2012-10-17"
	return out
}

func (a *api) putPermission(_ context.Context, body []byte) ([]byte, error) {
	var r permission
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	name := a.busOf(r.EventBusName)
	_, err := a.buses.Update(name, func(b *bus.Bus) error {
		if r.Policy != nil {
			b.Policy = *r.Policy
			return fits(b)
		}
		added, err := r.statement(a.buses.ARN(name))
		if err != nil {
			return err
		}
		p := statements(b)
		if i := slices.IndexFunc(p.Statement, func(s jsontext.Value) bool { return sid(s) == *r.StatementId }); i >= 0 {
			p.Statement[i] = added
		} else {
			p.Statement = append(p.Statement, added)
		}
		return p.store(b)
	})
	return blank, err
}

// store sets the policy of a bus.
func (p *policy) store(b *bus.Bus) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	b.Policy = string(text)
	return fits(b)
}

func fits(b *bus.Bus) error {
	if len([]rune(b.Policy)) > maxPolicy {
		return &awsjson.Error{Type: "PolicyLengthExceededException", Message: "The policy of the event bus is longer than 10240 characters."}
	}
	return nil
}

func (a *api) removePermission(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		StatementId, EventBusName *string
		RemoveAllPermissions      bool
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Text(r.EventBusName, "eventBusName", busName)
		v.Text(r.StatementId, "statementId", statementID)
	})
	if err != nil {
		return nil, err
	}
	if r.StatementId == nil && !r.RemoveAllPermissions {
		return nil, awsjson.Validation("You must specify a statement id, or to remove all permissions.")
	}
	_, err = a.buses.Update(a.busOf(r.EventBusName), func(b *bus.Bus) error {
		if r.RemoveAllPermissions {
			b.Policy = ""
			return nil
		}
		p := statements(b)
		i := slices.IndexFunc(p.Statement, func(s jsontext.Value) bool { return sid(s) == *r.StatementId })
		if i < 0 {
			return &awsjson.Error{Type: notFound, Message: "Statement with the provided id does not exist."}
		}
		if p.Statement = slices.Delete(p.Statement, i, i+1); len(p.Statement) == 0 {
			b.Policy = ""
			return nil
		}
		return p.store(b)
	})
	return blank, err
}

func (a *api) updateEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		Name, Description, KmsKeyIdentifier *string
		DeadLetterConfig                    *deadLetterConfig
		LogConfig                           *logConfig
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	whole := createEventBusRequest{Name: r.Name, Description: r.Description, KmsKeyIdentifier: r.KmsKeyIdentifier, DeadLetterConfig: r.DeadLetterConfig, LogConfig: r.LogConfig}
	if r.Name == nil {
		whole.Name = new(bus.Default)
	}
	if err := whole.validate(); err != nil {
		return nil, err
	}
	b, err := a.buses.Update(*whole.Name, func(b *bus.Bus) error {
		if r.Description != nil {
			b.Description = *r.Description
		}
		if c := r.DeadLetterConfig; c != nil {
			b.DeadLetterARN = value(c.Arn)
		}
		if c := r.LogConfig; c != nil {
			b.LogLevel, b.LogDetail = value(c.Level), value(c.IncludeDetail)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := a.described(b)
	return json.Marshal(struct {
		Arn, Name        string
		Description      string            `json:",omitzero"`
		DeadLetterConfig *deadLetterConfig `json:",omitzero"`
		LogConfig        *logConfig        `json:",omitzero"`
	}{out.Arn, out.Name, out.Description, out.DeadLetterConfig, out.LogConfig})
}
