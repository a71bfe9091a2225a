package bus

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// A Target is an address to which a rule sends its events, in which form, and how
// hard delivery tries.
type Target struct {
	ID      string `json:"id"`
	ARN     string `json:"arn"`
	RoleARN string `json:"roleArn,omitzero"` // kept for AWS tools

	// Of Input, InputPath and Template at most one is set; without any the
	// target gets the whole envelope.
	Input     string `json:"input,omitzero"`     // a constant, JSON
	InputPath string `json:"inputPath,omitzero"` // the value at this path of the envelope
	// Template is text with placeholders <name>; Paths has the path in the
	// envelope for each name.
	Template string            `json:"template,omitzero"`
	Paths    map[string]string `json:"paths,omitzero"`

	// MaxRetries and MaxAgeSeconds bound the retries; nil and 0 mean
	// EventBridge's 185 and 24 h.
	MaxRetries    *int `json:"maxRetries,omitzero"`
	MaxAgeSeconds int  `json:"maxAgeSeconds,omitzero"`
	// Rate is how many calls may start in a second; 0 means any number.
	// Concurrency is how many may run at the same time; 0 means 32.
	Rate        int `json:"rate,omitzero"`
	Concurrency int `json:"concurrency,omitzero"`
	// Ordered delivers the events of one group one after the other, in the order
	// in which the bus accepted them.
	Ordered bool `json:"ordered,omitzero"`
	// DeadLetterARN is the SQS queue that takes the dead letters, if the node
	// calls AWS; otherwise they stay in the store.
	DeadLetterARN string `json:"deadLetterArn,omitzero"`
	// Parameters are the parameter blocks of AWS's kinds of targets, by their
	// names in PutTargets, as HttpParameters.
	Parameters map[string]jsontext.Value `json:"parameters,omitzero"`
	// Origin names what put the target last, as the configuration file; empty
	// for the API.
	Origin string `json:"origin,omitzero"`
}

// Check returns an *InputError if the input of the target is not valid, or nil.
func (t *Target) Check() error {
	_, err := t.body("", "")
	return err
}

// policy returns the policy of the target's queue, for a rule of that ARN and
// name.
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

// unsupported reports whether an ARN names what the node cannot call.
func (b *Buses) unsupported(arn string) bool {
	return strings.HasPrefix(arn, "arn:") && !b.opts.Serves(arn)
}

// functionAttempts is how often Lambda attempts an asynchronous invocation.
const functionAttempts = 3

// PutTargets adds targets to a rule, or replaces those with the same id; of two
// with one id the last counts. Errors: ErrBusNotFound, ErrRuleNotFound,
// ErrLimit, ErrManagedRule, *InputError, and those of Options.Check.
func (b *Buses) PutTargets(bus, rule string, targets []Target) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, old, err := b.rule(bus, rule)
	if err != nil {
		return err
	}
	if err := old.checkManaged(); err != nil {
		return err
	}
	r := old.Rule
	r.Targets = slices.Clone(r.Targets)
	for _, t := range targets {
		if err := errors.Join(t.Check(), b.opts.Check(t.ARN)); err != nil {
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

// RemoveTargets removes targets from a rule; deliveries pending for them are
// dropped and counted. missing are the ids that the rule does not have. Errors:
// ErrBusNotFound, ErrRuleNotFound, ErrManagedRule.
func (b *Buses) RemoveTargets(bus, rule string, ids []string) (missing []string, err error) {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, old, err := b.rule(bus, rule)
	if err != nil {
		return nil, err
	}
	if err := old.checkManaged(); err != nil {
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
		// One batch with the rule, so that no crash leaves a queue without its
		// target or a target without its queue.
		for _, q := range removed {
			b.queues.Remove(batch, q)
		}
	})
}
