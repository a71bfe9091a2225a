package eventsource

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/stream"
)

// A verdict is what an invocation came to: the records before good were taken.
type verdict struct {
	good    int
	partial bool // the function reported which failed
	state   jsontext.Value
}

// judge reads what the function answered for a batch: the lowest sequence number
// that it reports is where it goes on; a report that names no record of the
// batch means that all failed.
func judge(s *Settings, batch []*record, r *process.Result) verdict {
	if r.FunctionError != "" {
		return verdict{}
	}
	var answer struct {
		Failures []jsontext.Value `json:"batchItemFailures"`
		State    jsontext.Value   `json:"state"`
	}
	body := bytes.TrimSpace(r.Payload)
	empty := len(body) == 0 || string(body) == "null" || string(body) == `""`
	isObject := !empty && json.Unmarshal(body, &answer, jsontext.AllowDuplicateNames(true)) == nil
	switch {
	case s.TumblingWindow > 0 && (!isObject || len(answer.State) == 0 || answer.State[0] != '{'):
		return verdict{} // an answer without state is a failure
	case !s.Report || empty:
		return verdict{good: len(batch), state: answer.State}
	case !isObject:
		return verdict{}
	}
	lowest := len(batch)
	for _, f := range answer.Failures {
		i := indexOf(batch, f)
		if i < 0 {
			return verdict{partial: true}
		}
		lowest = min(lowest, i)
	}
	return verdict{good: lowest, partial: lowest < len(batch), state: answer.State}
}

// indexOf returns the place of the record that an entry of a report names, or
// -1.
func indexOf(batch []*record, entry jsontext.Value) int {
	var e struct {
		ID string `json:"itemIdentifier"`
	}
	if json.Unmarshal(entry, &e, jsontext.AllowDuplicateNames(true)) != nil {
		return -1
	}
	seq, err := stream.ParseSeq(e.ID)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(batch, func(r *record) bool { return r.seq == seq })
}
