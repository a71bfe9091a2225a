package bus

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// A Target is where a rule sends its events, and in what form.
type Target struct {
	ID      string `json:"id"`
	ARN     string `json:"arn"`
	RoleARN string `json:"roleArn,omitzero"` // kept for AWS tools

	// Of Input, InputPath and Template at most one is set; none sends the
	// whole event.
	Input     string `json:"input,omitzero"`     // this JSON text, whatever the event
	InputPath string `json:"inputPath,omitzero"` // what the path leads to in the event
	// Template is text with placeholders <name>; Paths says where in the event
	// the value of a name is.
	Template string            `json:"template,omitzero"`
	Paths    map[string]string `json:"paths,omitzero"`

	// MaxRetries and MaxAgeSeconds bound the retries; nil and 0 are
	// EventBridge's 185 and 24 h.
	MaxRetries    *int `json:"maxRetries,omitzero"`
	MaxAgeSeconds int  `json:"maxAgeSeconds,omitzero"`
	// Rate bounds the deliveries that start in a second, Concurrency those at
	// one time; 0 is no bound, and 32.
	Rate        int `json:"rate,omitzero"`
	Concurrency int `json:"concurrency,omitzero"`
	// Ordered delivers the events of one group one after the other.
	Ordered bool `json:"ordered,omitzero"`
	// DeadLetterARN is the queue of SQS that takes the dead letters, if the node
	// calls AWS; else they stay in the store.
	DeadLetterARN string `json:"deadLetterArn,omitzero"`
	// Parameters are the blocks for AWS's kinds of targets, by their names in
	// AWS's API, kept for AWS tools.
	Parameters map[string]jsontext.Value `json:"parameters,omitzero"`
	// Origin names what put the target last; empty for the API.
	Origin string `json:"origin,omitzero"`
}

// Check returns what is wrong with the input of the target as an *InputError,
// or nil.
func (t *Target) Check() error {
	_, err := t.body("", "")
	return err
}

// policy returns how the target's queue works, for a rule of that ARN and name.
func (t *Target) policy(ruleARN, rule string) (delivery.Policy, error) {
	body, err := t.body(ruleARN, rule)
	p := delivery.Policy{
		ARN: t.ARN, MaxAge: time.Duration(t.MaxAgeSeconds) * time.Second, Ordered: t.Ordered, Input: body,
		Rate: t.Rate, Concurrency: t.Concurrency, Params: t.params(),
	}
	switch {
	case t.MaxRetries != nil:
		p.MaxAttempts = *t.MaxRetries + 1
	case strings.HasPrefix(t.ARN, target.FunctionARN):
		p.MaxAttempts = functionAttempts
	}
	return p, err
}

// elsewhere reports whether an ARN names a service that is not here, nor will
// be.
func (b *Buses) elsewhere(arn string) bool {
	return strings.HasPrefix(arn, "arn:") && !strings.HasPrefix(arn, target.FunctionARN) && !b.opts.Serves(arn)
}

// functionAttempts is how often Lambda tries an event that its function fails
// on.
const functionAttempts = 3

// PutTargets adds targets to a rule; one with a known id is replaced, of two
// with one id the last counts. Errors: ErrBusNotFound, ErrRuleNotFound,
// ErrLimit, ErrManagedRule, *InputError.
func (b *Buses) PutTargets(bus, rule string, targets []Target) error {
	b.control.Lock()
	defer b.control.Unlock()
	st, old, err := b.rule(bus, rule)
	if err != nil {
		return err
	}
	if err := old.editable(); err != nil {
		return err
	}
	r := old.Rule
	r.Targets = slices.Clone(r.Targets)
	for _, t := range targets {
		if err := t.Check(); err != nil {
			return err
		}
		if i := r.find(t.ID); i >= 0 {
			r.Targets[i] = t
		} else {
			r.Targets = append(r.Targets, t)
		}
	}
	if len(r.Targets) > max(b.opts.MaxTargets, len(old.Targets)) {
		return ErrLimit
	}
	slices.SortFunc(r.Targets, func(x, y Target) int { return strings.Compare(x.ID, y.ID) })
	return b.replace(st, r, nil)
}

// RemoveTargets takes targets from a rule; what was pending for them is dropped
// and counted. missing are the ids that the rule does not have. Errors:
// ErrBusNotFound, ErrRuleNotFound, ErrManagedRule.
func (b *Buses) RemoveTargets(bus, rule string, ids []string) (missing []string, err error) {
	b.control.Lock()
	defer b.control.Unlock()
	st, old, err := b.rule(bus, rule)
	if err != nil {
		return nil, err
	}
	if err := old.editable(); err != nil {
		return nil, err
	}
	r := old.Rule
	r.Targets = slices.Clone(r.Targets)
	var removed []delivery.QueueID
	for _, id := range ids {
		i := r.find(id)
		if i < 0 {
			missing = append(missing, id)
			continue
		}
		removed = append(removed, delivery.QueueID{Bus: bus, Rule: rule, Target: id})
		r.Targets = slices.Delete(r.Targets, i, i+1)
	}
	return missing, b.replace(st, r, func(batch *kv.Batch) {
		for _, q := range removed {
			b.queues.Remove(batch, q)
		}
	})
}
