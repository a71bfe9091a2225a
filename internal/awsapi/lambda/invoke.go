package lambda

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsjson"
)

const (
	maxClientContext = 3583
	executedVersion  = "X-Amz-Executed-Version"
)

func (a *api) invoke(ctx context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	name, err := a.named(r)
	if err != nil {
		return nil, err
	}
	kind, tail := r.Header.Get("X-Amz-Invocation-Type"), r.Header.Get("X-Amz-Log-Type")
	var v awsjson.Validator
	if kind != "" {
		v.Text(&kind, "invocationType", awsjson.Text{Enum: []string{"Event", "RequestResponse", "DryRun"}})
	}
	if tail != "" {
		v.Text(&tail, "logType", awsjson.Text{Enum: []string{"None", "Tail"}})
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	if _, err := a.functions.Get(name); err != nil {
		return nil, a.unknown(name, err)
	}
	payload := r.Body
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, &awsjson.Error{Type: "InvalidRequestContentException", Status: http.StatusBadRequest, Message: "Could not parse request body into json: the payload is not JSON"}
	}
	switch kind {
	case "DryRun":
		return &awsjson.Answer{Status: http.StatusNoContent}, nil
	case "Event":
		return &awsjson.Answer{Status: http.StatusAccepted}, a.functions.Enqueue(name, r.ID, payload)
	}
	return a.call(ctx, r, name, payload)
}

// call invokes a function and waits for its answer.
func (a *api) call(ctx context.Context, r *awsjson.Request, name string, payload []byte) (*awsjson.Answer, error) {
	o := process.InvokeOptions{RequestID: r.ID, TraceID: r.Header.Get("X-Amzn-Trace-Id")}
	if text := r.Header.Get("X-Amz-Client-Context"); text != "" {
		client, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(text) > maxClientContext || !jsontext.Value(client).IsValid() {
			return nil, &awsjson.Error{Type: "InvalidRequestContentException", Status: http.StatusBadRequest, Message: "Client context must be a valid Base64-encoded JSON object."}
		}
		o.ClientContext = string(client)
	}
	if err := r.Detach(); err != nil {
		return nil, err
	}
	result, err := a.functions.Invoke(ctx, name, payload, o)
	if err != nil {
		return nil, a.unknown(name, err)
	}
	header := map[string]string{executedVersion: process.Version}
	if result.FunctionError != "" {
		header["X-Amz-Function-Error"] = result.FunctionError
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString(result.LogTail)
	}
	return &awsjson.Answer{Header: header, Body: result.Payload}, nil
}
