package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/target"
)

// An EventSource feeds a function with the changes of a table.
type EventSource struct {
	Table string
	Start string // eventsource.Latest or eventsource.TrimHorizon
	eventsource.Settings
}

// Limits of event source mappings, as AWS Lambda has them.
const (
	maxBatch    = 10_000
	maxWindow   = 300 * time.Second
	maxLanes    = 10
	maxRetries  = 10_000
	minAge      = time.Minute
	maxAge      = 7 * 24 * time.Hour
	maxTumbling = 900 * time.Second
	maxFilters  = 10
)

// feeds reads the tables that feed a function: a name, a list of names, or
// settings by name.
func (r *reader) feeds(function string, n ast.Node) {
	what := "function " + function
	if _, ok := entries(n); ok {
		r.each(n, "from of "+what, func(p pair) { r.feed(function, p.name, p.key, p.value) })
		return
	}
	for _, x := range list(n) {
		if name, ok := r.text(x, "from of "+what); ok {
			r.feed(function, name, x, nil)
		}
	}
}

// feed reads one event source mapping; settings may be nil.
func (r *reader) feed(function, table string, at, settings ast.Node) {
	what := "function " + function
	if r.table1(at, table, what) == nil {
		return
	}
	for i := range r.file.EventSources {
		if s := &r.file.EventSources[i]; s.Function == function && s.Table == table {
			r.fault(at, quoted(table)+" stands twice in from of "+what, "remove one of them")
			return
		}
	}
	s := EventSource{Table: table, Start: eventsource.Latest, Settings: eventsource.Defaults()}
	s.Function = function
	if settings != nil && settings.Type() != ast.NullType {
		r.feedSettings(&s, settings, "from "+table+" of "+what)
	}
	r.file.EventSources = append(r.file.EventSources, s)
}

func (r *reader) feedSettings(s *EventSource, n ast.Node, what string) {
	fields := r.fields(n, what, "start", "batch", "window", "parallel", "retries", "age", "bisect", "report-failures", "tumbling", "filter", "on-failure", "on-error", "enabled")
	for key, v := range fields {
		of := key + " of " + what
		switch key {
		case "start":
			if text, ok := r.oneOf(v, of, "latest", "trim-horizon"); ok {
				s.Start = map[string]string{"latest": eventsource.Latest, "trim-horizon": eventsource.TrimHorizon}[text]
			}
		case "batch":
			s.BatchSize = r.number(v, of, maxBatch)
		case "window":
			s.BatchingWindow = r.seconds(v, of, 0, maxWindow)
		case "parallel":
			s.Parallel = r.number(v, of, maxLanes)
		case "retries":
			s.MaxRetry = r.count(v, of, maxRetries)
		case "age":
			s.MaxAge = r.seconds(v, of, minAge, maxAge)
		case "bisect":
			s.Bisect = r.boolean(v, of)
		case "report-failures":
			s.Report = r.boolean(v, of)
		case "tumbling":
			s.TumblingWindow = r.seconds(v, of, time.Second, maxTumbling)
		case "filter":
			s.Filters = r.filters(v, of)
		case "on-failure":
			s.OnFailure = r.onFailure(v, of)
		case "on-error":
			s.OnError, _ = r.oneOf(v, of, eventsource.Park, eventsource.Block, eventsource.Skip)
		case "enabled":
			s.Enabled = r.boolean(v, of)
		}
	}
}

// seconds reads a duration of whole seconds between two.
func (r *reader) seconds(n ast.Node, what string, low, high time.Duration) int {
	text := n.GetToken().Value
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high || d%time.Second != 0 {
		r.fault(n, what+" is "+quoted(text), "write whole seconds from "+short(low)+" to "+short(high)+", as in 90s")
	}
	return int(d / time.Second)
}

// short writes a duration without zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(s, "m0s")]
	return strings.TrimSuffix(s, "0m")
}

// count reads a whole number from 0 to high.
func (r *reader) count(n ast.Node, what string, high int) int {
	v, err := strconv.Atoi(n.GetToken().Value)
	if _, isInt := n.(*ast.IntegerNode); !isInt || err != nil || v < 0 || v > high {
		r.fault(n, what+" must be a number from 0 to "+strconv.Itoa(high), "leave it out for no limit")
	}
	return v
}

// filters reads one pattern or several, in the dialect of filter criteria.
func (r *reader) filters(n ast.Node, what string) (out []string) {
	all := list(n)
	if len(all) > maxFilters {
		r.fault(n, what+" has more than "+strconv.Itoa(maxFilters)+" patterns", "join some by lists of values")
	}
	for _, x := range all {
		src, _ := r.patternText(x, what, pattern.Filter)
		out = append(out, src)
	}
	return out
}

// onFailure reads where the records that a function failed on are sent.
func (r *reader) onFailure(n ast.Node, what string) string {
	const fix = "write dead-letters, a URL, log:NAME, or the ARN of a function, event bus, queue or topic"
	text, ok := r.text(n, what)
	if !ok || text == eventsource.DeadLetters {
		return text
	}
	for _, prefix := range []string{target.FunctionARN, target.QueueARN, target.TopicARN, "arn:aws:events:"} {
		if strings.HasPrefix(text, prefix) {
			return text
		}
	}
	if _, err := target.Open(text, target.Options{}); err != nil {
		r.fault(n, what+" is "+quoted(text), fix)
	}
	return text
}
