package lambda

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsjson"
)

func (a *api) tagResource(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct{ Tags map[string]string }
	if err := decodeValid(r, &in, func(v *awsjson.Validator) { v.Required(in.Tags != nil, "tags") }); err != nil {
		return nil, err
	}
	return a.tag(r, in.Tags, nil)
}

func (a *api) untagResource(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	return a.tag(r, nil, r.Query["tagKeys"])
}

// tag changes the tags of a function or an event source mapping.
func (a *api) tag(r *awsjson.Request, set map[string]string, remove []string) (*awsjson.Answer, error) {
	name, uuid, err := a.tagged(r)
	switch {
	case err != nil:
	case uuid != "":
		err = a.mappings.Tag(uuid, set, remove)
	default:
		err = a.unknown(name, a.functions.Tag(name, set, remove))
	}
	return &awsjson.Answer{Status: http.StatusNoContent}, err
}

func (a *api) listTags(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	name, uuid, err := a.tagged(r)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	if uuid != "" {
		s, err := a.mappings.Get(uuid)
		if err != nil {
			return nil, err
		}
		maps.Copy(tags, s.Tags)
	} else {
		f, err := a.functions.Get(name)
		if err != nil {
			return nil, a.unknown(name, err)
		}
		maps.Copy(tags, f.Tags)
	}
	return answer(http.StatusOK, map[string]any{"Tags": tags})
}

func (a *api) putFunctionConcurrency(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct{ ReservedConcurrentExecutions *int }
	if err := decodeValid(r, &in, func(v *awsjson.Validator) {
		v.Required(in.ReservedConcurrentExecutions != nil, "reservedConcurrentExecutions")
		awsjson.Range(v, in.ReservedConcurrentExecutions, "reservedConcurrentExecutions", 0, 1000)
	}); err != nil {
		return nil, err
	}
	if err := a.reserve(r, in.ReservedConcurrentExecutions); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, map[string]int{"ReservedConcurrentExecutions": *in.ReservedConcurrentExecutions})
}

// reserve sets a function's reserved concurrency; nil means the default.
func (a *api) reserve(r *awsjson.Request, n *int) error {
	name, err := a.named(r)
	if err != nil {
		return err
	}
	_, err = a.functions.Configure(name, "", func(c *function.Config) { c.Concurrency = n })
	return a.unknown(name, err)
}

func (a *api) getFunctionConcurrency(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	f, err := a.function(r)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	if f.Concurrency != nil {
		out["ReservedConcurrentExecutions"] = *f.Concurrency
	}
	return answer(http.StatusOK, out)
}

func (a *api) deleteFunctionConcurrency(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	return &awsjson.Answer{Status: http.StatusNoContent}, a.reserve(r, nil)
}

type destination struct {
	Destination *string `json:",omitzero"`
}

type destinations struct {
	OnSuccess, OnFailure *destination `json:",omitzero"`
}

func arnOf(d *destination) string {
	if d == nil {
		return ""
	}
	return value(d.Destination)
}

// eventConfig is a function's configuration of asynchronous invocation, as answers
// have it.
type eventConfig struct {
	LastModified             float64
	FunctionArn              string
	MaximumRetryAttempts     int
	MaximumEventAgeInSeconds int
	DestinationConfig        destinations
}

func (a *api) eventConfig(name string, c function.EventConfig) eventConfig {
	out := eventConfig{
		LastModified: epoch(c.Modified), FunctionArn: a.functions.ARN(name) + ":" + process.Version,
		MaximumRetryAttempts: c.MaxRetries, MaximumEventAgeInSeconds: c.MaxAge,
		DestinationConfig: destinations{&destination{}, &destination{}},
	}
	if c.OnFailure != "" {
		out.DestinationConfig.OnFailure.Destination = &c.OnFailure
	}
	if c.OnSuccess != "" {
		out.DestinationConfig.OnSuccess.Destination = &c.OnSuccess
	}
	return out
}

func (a *api) putFunctionEventInvokeConfig(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	return a.setEvents(r, true)
}

func (a *api) updateFunctionEventInvokeConfig(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	return a.setEvents(r, false)
}

// setEvents changes the configuration of asynchronous invocation; if anew is set,
// members that the request lacks get their defaults.
func (a *api) setEvents(r *awsjson.Request, anew bool) (*awsjson.Answer, error) {
	var in struct {
		MaximumRetryAttempts, MaximumEventAgeInSeconds *int
		DestinationConfig                              *destinations
	}
	if err := decodeValid(r, &in, func(v *awsjson.Validator) {
		awsjson.Range(v, in.MaximumRetryAttempts, "maximumRetryAttempts", 0, 2)
		awsjson.Range(v, in.MaximumEventAgeInSeconds, "maximumEventAgeInSeconds", 60, 21600)
	}); err != nil {
		return nil, err
	}
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	c, err := a.functions.SetEvents(name, func(c *function.EventConfig) *function.EventConfig {
		if anew {
			*c = function.DefaultEventConfig()
		}
		set(&c.MaxRetries, in.MaximumRetryAttempts)
		set(&c.MaxAge, in.MaximumEventAgeInSeconds)
		if in.DestinationConfig != nil {
			c.OnFailure, c.OnSuccess = arnOf(in.DestinationConfig.OnFailure), arnOf(in.DestinationConfig.OnSuccess)
		}
		return c
	})
	if err != nil {
		return nil, a.unknown(name, err)
	}
	return answer(http.StatusOK, a.eventConfig(name, c))
}

// noConfig returns the error that a function has no EventInvokeConfig.
func (a *api) noConfig(name string) error {
	return notFound("The function " + a.functions.ARN(name) + ":" + process.Version + " doesn't have an EventInvokeConfig")
}

func (a *api) getFunctionEventInvokeConfig(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	f, err := a.function(r)
	switch {
	case err != nil:
		return nil, err
	case f.Events == nil:
		return nil, a.noConfig(f.Name)
	}
	return answer(http.StatusOK, a.eventConfig(f.Name, *f.Events))
}

func (a *api) deleteFunctionEventInvokeConfig(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	_, err = a.functions.SetEvents(name, func(*function.EventConfig) *function.EventConfig { return nil })
	if errors.Is(err, function.ErrNoConfig) {
		return nil, a.noConfig(name)
	}
	return &awsjson.Answer{Status: http.StatusNoContent}, a.unknown(name, err)
}
