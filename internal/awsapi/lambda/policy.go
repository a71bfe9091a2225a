package lambda

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/internal/awsjson"
)

var (
	sidForm    = awsjson.Text{Min: 1, Max: 100, Pattern: `([a-zA-Z0-9-_]+)`, Match: regexp.MustCompile(`^[a-zA-Z0-9-_]+$`).MatchString}
	actionForm = awsjson.Text{Pattern: `(lambda:[*]|lambda:[a-zA-Z]+|[*])`, Match: regexp.MustCompile(`^(lambda:[*]|lambda:[a-zA-Z]+|[*])$`).MatchString}
)

// statement is one permission, as a policy has it.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitzero"`
}

type permission struct {
	StatementId, Action, Principal, SourceArn, SourceAccount, EventSourceToken, PrincipalOrgID, RevisionId *string
}

// statement returns the permission as a policy has it.
func (p *permission) statement(arn string) statement {
	s := statement{Sid: *p.StatementId, Effect: "Allow", Action: *p.Action, Resource: arn, Principal: *p.Principal}
	switch {
	case *p.Principal == "*":
	case strings.HasSuffix(*p.Principal, ".amazonaws.com"):
		s.Principal = map[string]string{"Service": *p.Principal}
	default:
		s.Principal = map[string]string{"AWS": *p.Principal}
	}
	condition := func(kind, key string, v *string) {
		if v == nil {
			return
		}
		if s.Condition == nil {
			s.Condition = map[string]map[string]string{}
		}
		if s.Condition[kind] == nil {
			s.Condition[kind] = map[string]string{}
		}
		s.Condition[kind][key] = *v
	}
	condition("StringEquals", "AWS:SourceAccount", p.SourceAccount)
	condition("StringEquals", "lambda:EventSourceToken", p.EventSourceToken)
	condition("StringEquals", "aws:PrincipalOrgID", p.PrincipalOrgID)
	condition("ArnLike", "AWS:SourceArn", p.SourceArn)
	return s
}

func (a *api) addPermission(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in permission
	if err := decodeValid(r, &in, func(v *awsjson.Validator) {
		v.RequiredText(in.StatementId, "statementId", sidForm)
		v.RequiredText(in.Action, "action", actionForm)
		v.Required(in.Principal != nil, "principal")
	}); err != nil {
		return nil, err
	}
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(in.statement(a.functions.ARN(name)), json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	err = a.functions.Allow(name, value(in.RevisionId), function.Statement{ID: *in.StatementId, Text: text})
	if errors.Is(err, function.ErrStatementExists) {
		return nil, &awsjson.Error{Type: conflict, Status: http.StatusConflict, Message: "The statement id (" + *in.StatementId + ") provided already exists. Please provide a new statement id, or remove the existing statement."}
	}
	if err != nil {
		return nil, a.unknown(name, err)
	}
	return answer(http.StatusCreated, map[string]string{"Statement": string(text)})
}

func (a *api) getPolicy(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	f, err := a.function(r)
	if err != nil {
		return nil, err
	}
	if len(f.Policy) == 0 {
		return nil, notFound("The resource you requested does not exist.")
	}
	policy := struct {
		Version   string
		Id        string
		Statement []jsontext.Value
	}{"2012-10-17", "default", nil}
	for _, s := range f.Policy {
		policy.Statement = append(policy.Statement, s.Text)
	}
	text, err := json.Marshal(policy)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, map[string]string{"Policy": string(text), "RevisionId": f.Revision})
}

func (a *api) removePermission(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	err = a.functions.Disallow(name, r.Query.Get("RevisionId"), r.Param("StatementId"))
	if errors.Is(err, function.ErrStatement) {
		return nil, notFound("Statement " + r.Param("StatementId") + " is not found in resource policy.")
	}
	if err != nil {
		return nil, a.unknown(name, err)
	}
	return &awsjson.Answer{Status: http.StatusNoContent}, nil
}
