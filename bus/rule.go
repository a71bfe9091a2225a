package bus

import (
	"slices"
	"strings"

	"github.com/tablecast/tablecast/kv"
)

// A Rule says which events of its bus go to its targets.
type Rule struct {
	Bus     string `json:"bus"`
	Name    string `json:"name"`
	Pattern string `json:"pattern"` // as it was written
	// Schedule fires the rule at times; see package schedule. One of Pattern
	// and Schedule is set, or both.
	Schedule    string            `json:"schedule,omitzero"`
	Disabled    bool              `json:"disabled,omitzero"`
	Description string            `json:"description,omitzero"`
	RoleARN     string            `json:"roleArn,omitzero"` // kept for AWS tools
	Tags        map[string]string `json:"tags,omitzero"`
	Targets     []Target          `json:"targets,omitzero"` // in the order of their ids
	// Origin names what put the rule last; empty for the API.
	Origin string `json:"origin,omitzero"`
	// ManagedBy names who alone changes the rule; empty for most.
	ManagedBy string `json:"managedBy,omitzero"`
	// Archive names the archive that the rule feeds.
	Archive string `json:"archive,omitzero"`
}

// editable returns ErrManagedRule for a rule that only its manager changes.
func (r *Rule) editable() error {
	if r.ManagedBy != "" {
		return &NameError{Bus: r.Bus, Rule: r.Name, Err: ErrManagedRule}
	}
	return nil
}

// find returns the place of a target, or -1.
func (r *Rule) find(id string) int {
	return slices.IndexFunc(r.Targets, func(t Target) bool { return t.ID == id })
}

// PutRule makes a rule, without targets, or replaces all of one except its
// targets and tags. Errors: ErrBusNotFound, ErrLimit, ErrManagedRule,
// ErrScheduleBus, schedule.ErrInvalid, *pattern.Error.
func (b *Buses) PutRule(r Rule) error {
	b.control.Lock()
	defer b.control.Unlock()
	st, err := b.bus(r.Bus)
	if err != nil {
		return err
	}
	if r.Schedule != "" && r.Bus != Default {
		return ErrScheduleBus
	}
	r.Targets, r.ManagedBy, r.Archive = nil, "", ""
	if old, err := st.rule(r.Name); err == nil {
		if err := old.editable(); err != nil {
			return err
		}
		r.Targets, r.Tags = old.Targets, old.Tags
	} else if len(st.rules) >= b.opts.MaxRules {
		return ErrLimit
	}
	return b.replace(st, r, nil)
}

// replace stores a rule, does what change adds to the batch, and puts the rule
// into force; nothing if it is as it was. The caller holds control.
func (b *Buses) replace(st *busState, r Rule, change func(*kv.Batch)) error {
	b.timing.Lock()
	defer b.timing.Unlock()
	old, err := st.rule(r.Name)
	if err == nil && same(old.Rule, r) {
		return nil
	}
	next, err := b.newRuleState(r)
	if err == nil {
		next.time, err = b.retime(old, &r)
	}
	if err != nil {
		return err
	}
	err = b.save(func(batch *kv.Batch) {
		if next.time != nil {
			batch.Set(timetableKey(r.Name), encode(next.time))
		} else if old != nil && old.time != nil {
			batch.Delete(timetableKey(r.Name))
		}
		batch.Set(ruleKey(r.Bus, r.Name), encode(r))
		if change != nil {
			change(batch)
		}
	})
	if err != nil {
		return err
	}
	// The queues stand before an event can be matched for them.
	if err := b.setQueues(next); err != nil {
		return err
	}
	b.enforce(b.catalog.Load().with(st.with(next)))
	b.wakeSchedules()
	return nil
}

// setQueues makes the queues of a rule's targets known, with the policies that
// the targets ask for.
func (b *Buses) setQueues(r *ruleState) error {
	for i := range r.Targets {
		p, err := r.Targets[i].policy(b.RuleARN(r.Bus, r.Name), r.Name)
		if err != nil {
			return err
		}
		if b.elsewhere(p.ARN) {
			p.MaxAttempts = 1
		}
		b.queues.Set(r.queues[i], p)
	}
	return nil
}

// Rule returns a rule. Errors: ErrBusNotFound, ErrRuleNotFound.
func (b *Buses) Rule(bus, name string) (Rule, error) {
	_, r, err := b.rule(bus, name)
	if err != nil {
		return Rule{}, err
	}
	return r.Rule, nil
}

// Rules returns the rules of a bus whose names begin with prefix, in order.
// Errors: ErrBusNotFound.
func (b *Buses) Rules(bus, prefix string) ([]Rule, error) {
	return b.rulesWhere(bus, func(r *Rule) bool { return strings.HasPrefix(r.Name, prefix) })
}

// RulesByTarget returns the rules of a bus that have a target of the ARN, in
// order. Errors: ErrBusNotFound.
func (b *Buses) RulesByTarget(bus, arn string) ([]Rule, error) {
	return b.rulesWhere(bus, func(r *Rule) bool {
		return slices.ContainsFunc(r.Targets, func(t Target) bool { return t.ARN == arn })
	})
}

func (b *Buses) rulesWhere(bus string, wanted func(*Rule) bool) ([]Rule, error) {
	st, err := b.bus(bus)
	if err != nil {
		return nil, err
	}
	var out []Rule
	for _, r := range st.rules {
		if wanted(&r.Rule) {
			out = append(out, r.Rule)
		}
	}
	return out, nil
}

// SetEnabled turns a rule on or off. Errors: ErrBusNotFound, ErrRuleNotFound,
// ErrManagedRule.
func (b *Buses) SetEnabled(bus, name string, on bool) error {
	b.control.Lock()
	defer b.control.Unlock()
	st, old, err := b.rule(bus, name)
	if err != nil {
		return err
	}
	if err := old.editable(); err != nil {
		return err
	}
	r := old.Rule
	r.Disabled = !on
	return b.replace(st, r, nil)
}

// DeleteRule removes a rule without targets. That there is none is no error.
// Errors: ErrBusNotFound, ErrRuleHasTargets, ErrManagedRule.
func (b *Buses) DeleteRule(bus, name string) error {
	b.control.Lock()
	defer b.control.Unlock()
	st, err := b.bus(bus)
	if err != nil {
		return err
	}
	r, err := st.rule(name)
	if err != nil {
		return nil
	}
	if err := r.editable(); err != nil {
		return err
	}
	if len(r.Targets) > 0 {
		return &NameError{Bus: bus, Rule: name, Err: ErrRuleHasTargets}
	}
	b.timing.Lock()
	defer b.timing.Unlock()
	err = b.save(func(batch *kv.Batch) {
		batch.Delete(ruleKey(bus, name))
		if r.time != nil {
			batch.Delete(timetableKey(name))
		}
	})
	if err != nil {
		return err
	}
	b.enforce(b.catalog.Load().with(st.without(name)))
	return nil
}
