package lambda

import (
	"context"
	"errors"
	"net/http"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// listPage is how many functions one answer lists.
const listPage = 50

// unknown returns function.ErrNotFound in Lambda's words, and any other error as it
// is.
func (a *api) unknown(name string, err error) error {
	if errors.Is(err, function.ErrNotFound) {
		return notFound("Function not found: " + a.functions.ARN(name))
	}
	return err
}

// function returns the function that a request's path names.
func (a *api) function(r *awsjson.Request) (function.Function, error) {
	name, err := a.named(r)
	if err != nil {
		return function.Function{}, err
	}
	f, err := a.functions.Get(name)
	return f, a.unknown(name, err)
}

func (a *api) getFunctionConfiguration(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	f, err := a.function(r)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, a.describe(&f))
}

func (a *api) getFunction(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	f, err := a.function(r)
	if err != nil {
		return nil, err
	}
	out := struct {
		Configuration configuration
		Code          map[string]string
		Tags          map[string]string `json:",omitzero"`
		Concurrency   map[string]int    `json:",omitzero"`
	}{Configuration: a.describe(&f), Code: map[string]string{"RepositoryType": "S3", "Location": "file://" + f.Dir}}
	if len(f.Tags) > 0 {
		out.Tags = f.Tags
	}
	if f.Concurrency != nil {
		out.Concurrency = map[string]int{"ReservedConcurrentExecutions": *f.Concurrency}
	}
	return answer(http.StatusOK, out)
}

func (a *api) listFunctions(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	limit, err := number(r, "MaxItems", "maxItems", 1, 10000, listPage)
	if err != nil {
		return nil, err
	}
	found, more := a.functions.List(r.Query.Get("Marker"), min(limit, listPage))
	out := struct {
		Functions  []configuration
		NextMarker string `json:",omitzero"`
	}{Functions: []configuration{}}
	for i := range found {
		out.Functions = append(out.Functions, a.describe(&found[i]))
	}
	if more {
		out.NextMarker = found[len(found)-1].Name
	}
	return answer(http.StatusOK, out)
}

func (a *api) deleteFunction(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	if err := a.functions.Delete(name); err != nil {
		return nil, a.unknown(name, err)
	}
	return &awsjson.Answer{Status: http.StatusNoContent}, nil
}
