package tablecast

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A functionMapper is a mapping.Mapper that invokes a function. The function is
// given a record in the form in which Lambda gives records of streams to
// functions, {"Records": [RECORD]}, and answers the entries of a PutEvents, as a
// list or as {"Entries": [...]}.
type functionMapper struct {
	n    *Node
	name string
}

// An entry is an entry of PutEvents as the AWS SDKs write it. Detail is an object,
// or a string that holds one in JSON.
type entry struct {
	Source, DetailType, EventBusName string
	Resources                        []string
	Time                             jsontext.Value
	Detail                           jsontext.Value
}

// Map implements mapping.Mapper. If the function cannot be started or reached the
// record is tried again (mapping.ErrUnavailable); if it answers an error, or what
// are no entries, the record is parked.
func (m *functionMapper) Map(r *stream.Record) ([]mapping.Produced, error) {
	payload := append(eventsource.AppendRecord([]byte(`{"Records":[`), r, m.n.home.Region), "]}"...)
	res, err := m.n.functions.Invoke(context.Background(), m.name, payload, process.InvokeOptions{})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: function %s: %w", mapping.ErrUnavailable, m.name, err)
	case res.NotStarted:
		return nil, fmt.Errorf("%w: function %s: %.1000s", mapping.ErrUnavailable, m.name, res.Payload)
	case res.FunctionError != "":
		return nil, fmt.Errorf("function %s failed: %.1000s", m.name, res.Payload)
	}
	return m.entries(res.Payload)
}

// entries reads the function's answer.
func (m *functionMapper) entries(answer []byte) ([]mapping.Produced, error) {
	var list []entry
	err := json.Unmarshal(answer, &list, json.MatchCaseInsensitiveNames(true))
	if bytes.HasPrefix(bytes.TrimSpace(answer), []byte("{")) {
		var in struct{ Entries []entry }
		err = json.Unmarshal(answer, &in, json.MatchCaseInsensitiveNames(true))
		list = in.Entries
	}
	if err != nil {
		return nil, fmt.Errorf("function %s answered no entries of PutEvents: %w", m.name, err)
	}
	var out []mapping.Produced
	for i, e := range list {
		p := mapping.Produced{Source: e.Source, DetailType: e.DetailType, Bus: e.EventBusName, Resources: e.Resources, Detail: e.Detail}
		var err error
		if e.Detail.Kind() == '"' {
			p.Detail, err = jsontext.AppendUnquote(nil, e.Detail)
		}
		if err == nil {
			p.Time, err = timeOf(e.Time)
		}
		if err != nil {
			return nil, fmt.Errorf("function %s: entry %d: %w", m.name, i, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// timeOf reads a time in RFC 3339 or in seconds of the Unix epoch; the zero time
// if there is none.
func timeOf(v jsontext.Value) (t time.Time, err error) {
	switch v.Kind() {
	case '"':
		err = json.Unmarshal(v, &t)
	case '0':
		var seconds float64
		err = json.Unmarshal(v, &seconds)
		t = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	return t, err
}
