package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/target"
)

// target reads one target of a rule; false if it cannot be told what it is.
func (r *reader) target(n ast.Node, what string) (bus.Target, bool) {
	t := bus.Target{Origin: Origin}
	fields := r.fields(n, "a target of "+what, "webhook", "function", "log", "command", "bus", "sqs", "sns", "kinesis", "state-machine", "log-group", "nats", "go", "api-destination",
		"header", "query", "path", "id", "input", "input-path", "input-transformer", "retry", "order", "rate", "concurrency", "dead-letter")
	if _, ok := entries(n); !ok {
		return t, false
	}
	what = "a target of " + what
	kind := r.kind(n, fields, what)
	if kind != "" {
		t.ARN = r.address(kind, fields[kind], what)
		t.ID = derivedID(kind, t.ARN)
	}
	if v, ok := fields["id"]; ok {
		var given bool
		if t.ID, given = r.text(v, "id of "+what); given && !ruleName.MatchString(t.ID) {
			r.fault(v, quoted(t.ID)+" is no target id", "use 1 to 64 letters, digits, _ . and -")
		}
	}
	r.input(fields, what, &t)
	r.httpParameters(n, fields, what, &t)
	if v, ok := fields["order"]; ok {
		t.Ordered = r.boolean(v, "order of "+what)
	}
	if v, ok := fields["rate"]; ok {
		t.Rate = r.number(v, "rate of "+what, maxRate)
	}
	if v, ok := fields["concurrency"]; ok {
		t.Concurrency = r.number(v, "concurrency of "+what, maxCalls)
	}
	if v, ok := fields["dead-letter"]; ok {
		t.DeadLetterARN = r.queueARN(v, "dead-letter of "+what)
	}
	if v, ok := fields["retry"]; ok {
		r.retry(v, what, &t)
	}
	return t, t.ID != ""
}

// kind returns the one key that says where a target is.
func (r *reader) kind(n ast.Node, fields map[string]ast.Node, what string) string {
	found := ""
	for _, kind := range []string{"webhook", "function", "log", "command", "bus", "sqs", "sns", "kinesis", "state-machine", "log-group", "nats", "go", "api-destination"} {
		if _, ok := fields[kind]; !ok {
			continue
		}
		if found != "" {
			r.fault(n, what+" has both "+found+" and "+kind, "make two targets of it")
			return ""
		}
		found = kind
	}
	if found == "" {
		r.fault(n, what+" does not say where it is", "write - webhook: URL, - function: NAME, - log: NAME, - command: [program, argument], - bus: NAME, or - sqs: ARN; docs/mapping.md lists all")
	}
	return found
}

// address returns the address of a target, which package target understands.
func (r *reader) address(kind string, n ast.Node, what string) string {
	address, ok := "", true
	switch kind {
	case "function":
		address, _ = r.functionARN(n, what)
		return address
	case "bus":
		return r.nodeARN("event-bus/" + r.bus(n, what))
	case "api-destination":
		return r.calledARN(n, what)
	case "go":
		return r.goARN(n, what)
	}
	if kind == "command" {
		argv := []string{}
		for _, e := range list(n) {
			s, isText := r.text(e, "command of "+what)
			argv, ok = append(argv, s), ok && isText
		}
		b, _ := json.Marshal(argv) // strings always marshal
		address = "command:" + string(b)
	} else if address, ok = r.text(n, kind+" of "+what); kind == "log" {
		address = "log:" + address
	}
	if !ok {
		return ""
	}
	if !strings.HasPrefix(address, prefixes[kind]) {
		r.fault(n, kind+" of "+what+" is "+quoted(address), fixes[kind])
		return address
	}
	if _, err := target.Open(address, target.Options{Trusted: true, AWS: &target.AWS{}}); err != nil {
		r.badTarget(kind, n, what, err)
	}
	return address
}

// goARN reads the name of a target in Go. Whether there is one of that name only
// the program knows that opens the node.
func (r *reader) goARN(n ast.Node, what string) string {
	name, ok := r.text(n, "go of "+what)
	if ok && !ruleName.MatchString(name) {
		r.fault(n, "go of "+what+" is "+quoted(name), "write go: NAME, with 1 to 64 letters, digits, _ . and -")
	}
	return "go:" + name
}

// prefixes begin the addresses of some kinds of targets.
var prefixes = map[string]string{
	"sqs": target.QueueARN, "sns": target.TopicARN, "kinesis": target.KinesisARN, "state-machine": target.StateMachineARN, "log-group": target.LogGroupARN, "nats": "",
}

// fixes say what to write for a kind of target.
var fixes = map[string]string{
	"webhook": "write webhook: http://HOST:PORT/PATH",
	"log":     "write log: NAME for a file of the folder, log: /PATH for any file, or log: \"-\" for the standard output",
	"command": "write command: [program, argument]",
	"sqs":     "write sqs: " + target.QueueARN + "REGION:ACCOUNT:NAME",
	"sns":     "write sns: " + target.TopicARN + "REGION:ACCOUNT:NAME",

	"kinesis":       "write kinesis: " + target.KinesisARN + "REGION:ACCOUNT:stream/NAME",
	"state-machine": "write state-machine: " + target.StateMachineARN + "REGION:ACCOUNT:stateMachine:NAME",
	"log-group":     "write log-group: " + target.LogGroupARN + "REGION:ACCOUNT:log-group:NAME",
	"nats":          "write nats: nats://HOST:4222/SUBJECT",
}

func (r *reader) badTarget(kind string, n ast.Node, what string, err error) {
	msg := err.Error()
	var bad *target.ParseError
	if errors.As(err, &bad) {
		msg = bad.Msg
	}
	r.fault(n, kind+" of "+what+": "+msg, fixes[kind])
}

// derivedID names a target after what it is, so that it keeps its queue however
// the targets around it change.
func derivedID(kind, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return kind + "-" + hex.EncodeToString(sum[:4])
}

// Limits of what bounds the calls of a target.
const (
	maxRate  = 100_000 // a second
	maxCalls = 1000    // at one time
)

// queueARN reads the ARN of a queue of SQS.
func (r *reader) queueARN(n ast.Node, what string) string {
	text, ok := r.text(n, what)
	id, err := arn.Parse(text)
	if ok && (err != nil || !strings.HasPrefix(text, target.QueueARN) || strings.Contains(id.Resource, ":")) {
		r.fault(n, what+" is "+quoted(text), "write the ARN of a queue, "+target.QueueARN+"REGION:ACCOUNT:NAME")
	}
	return text
}

// transformer reads the template that makes what is sent, and the paths of the
// values that it names.
func (r *reader) transformer(n ast.Node, what string, t *bus.Target) {
	fields := r.fields(n, "input-transformer of "+what, "paths", "template")
	template, ok := fields["template"]
	if !ok {
		r.fault(n, "input-transformer of "+what+" has no template", `add template: '{"id": <id>}'`)
		return
	}
	t.Template, _ = r.text(template, "template of "+what)
	if v, ok := fields["paths"]; ok {
		t.Paths = map[string]string{}
		r.each(v, "paths of "+what, func(p pair) { t.Paths[p.name], _ = r.text(p.value, "path "+p.name+" of "+what) })
	}
	if err := t.Check(); err != nil {
		r.fault(template, "input-transformer of "+what+" is not valid: "+err.Error(), "see InputTransformer of EventBridge")
	}
}

// input reads what is sent instead of the whole event.
func (r *reader) input(fields map[string]ast.Node, what string, t *bus.Target) {
	constant, hasConstant := fields["input"]
	path, hasPath := fields["input-path"]
	if hasConstant {
		t.Input = string(r.json(nil, constant, "input of "+what))
	}
	if v, ok := fields["input-transformer"]; ok {
		if hasConstant || hasPath {
			r.fault(v, what+" has both input-transformer and another input", "remove one of them")
		}
		r.transformer(v, what, t)
	}
	if !hasPath {
		return
	}
	if hasConstant {
		r.fault(path, what+" has both input and input-path", "remove one of them")
	}
	text, ok := r.text(path, "input-path of "+what)
	if ok && !inputPath.MatchString(text) {
		r.fault(path, "input-path of "+what+" is "+quoted(text), "write a path as $.detail or $.detail.items[0]")
	}
	t.InputPath = text
}

// inputPath is the form of the paths that a bus follows.
var inputPath = regexp.MustCompile(`^\$(\.[^.\[\]]+(\[[0-9]+\])*)*$`)

// maxAttempts is EventBridge's 185 retries and the first attempt.
const maxAttempts = 186

func (r *reader) retry(n ast.Node, what string, t *bus.Target) {
	fields := r.fields(n, "retry of "+what, "attempts", "age")
	if v, ok := fields["attempts"]; ok {
		count, err := strconv.Atoi(v.GetToken().Value)
		if _, isInt := v.(*ast.IntegerNode); !isInt || err != nil || count < 1 || count > maxAttempts {
			r.fault(v, "attempts of "+what+" must be a number from 1 to 186", "leave it out for 186")
		}
		count--
		t.MaxRetries = &count
	}
	if v, ok := fields["age"]; ok {
		t.MaxAgeSeconds = r.age(v, what)
	}
}

// age reads a duration of whole seconds.
func (r *reader) age(n ast.Node, what string) int {
	text := n.GetToken().Value
	if s, ok := n.(*ast.StringNode); ok {
		if text, ok = r.environment(n, s.Value); !ok {
			return 0
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Minute || d > 24*time.Hour || d%time.Second != 0 {
		r.fault(n, "age of "+what+" is "+quoted(text), "write whole seconds from 1m to 24h, as in 90s, 10m or 2h")
	}
	return int(d / time.Second)
}
