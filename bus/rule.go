package bus

import (
	"slices"
	"strings"

	"github.com/tablecast/tablecast/kv"
)

// A Rule sends the events of its bus that match a pattern to its targets, or an
// event of its own by a schedule.
type Rule struct {
	Bus     string `json:"bus"`
	Name    string `json:"name"`
	Pattern string `json:"pattern"` // as it was written
	// Schedule is a rate or cron expression; see package schedule. One of
	// Pattern and Schedule is set, or both.
	Schedule    string            `json:"schedule,omitzero"`
	Disabled    bool              `json:"disabled,omitzero"`
	Description string            `json:"description,omitzero"`
	RoleARN     string            `json:"roleArn,omitzero"` // kept for AWS tools
	Tags        map[string]string `json:"tags,omitzero"`
	Targets     []Target          `json:"targets,omitzero"` // in the order of their ids
	// Origin names what put the rule last, as the configuration file; empty for
	// the API.
	Origin string `json:"origin,omitzero"`
	// ManagedBy names the service that manages the rule, which nobody else may
	// change; empty for most.
	ManagedBy string `json:"managedBy,omitzero"`
	// Archive names the archive that the rule feeds.
	Archive string `json:"archive,omitzero"`
}

// checkManaged returns ErrManagedRule for a managed rule, or nil.
func (r *Rule) checkManaged() error {
	if r.ManagedBy != "" {
		return &NameError{Bus: r.Bus, Rule: r.Name, Err: ErrManagedRule}
	}
	return nil
}

// find returns the index of a target, or -1.
func (r *Rule) find(id string) int {
	return slices.IndexFunc(r.Targets, func(t Target) bool { return t.ID == id })
}

// PutRule creates a rule without targets, or replaces all of a rule but its
// targets and tags. Errors: ErrBusNotFound, ErrLimit, ErrManagedRule,
// ErrScheduleBus, schedule.ErrInvalid, *pattern.Error.
func (b *Buses) PutRule(r Rule) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, err := b.bus(r.Bus)
	if err != nil {
		return err
	}
	if r.Schedule != "" && r.Bus != Default {
		return ErrScheduleBus
	}
	r.Targets, r.ManagedBy, r.Archive = nil, "", ""
	if old, err := st.rule(r.Name); err == nil {
		if err := old.checkManaged(); err != nil {
			return err
		}
		r.Targets, r.Tags = old.Targets, old.Tags
	} else if len(st.rules) >= b.opts.MaxRules {
		return ErrLimit
	}
	return b.replace(st, r, nil)
}

// replace stores a rule in one batch with what extra adds, and then lets it take
// effect. It does nothing if the rule is as it was. extra may be nil. The caller
// holds controlMu.
//
// The steps are: durable, queues, catalog, schedule. A crash after the first
// leaves a stored rule, which Open loads whole. Between the others events still
// match the old rule, whose queues exist until extra removes them.
func (b *Buses) replace(st *busState, r Rule, extra func(*kv.Batch)) error {
	b.scheduleMu.Lock()
	defer b.scheduleMu.Unlock()
	old, err := st.rule(r.Name)
	if err == nil && same(old.Rule, r) {
		return nil
	}
	next, err := b.newRuleState(r)
	if err == nil {
		next.schedule, err = b.newScheduleState(old, &r)
	}
	if err != nil {
		return err
	}
	err = b.save(func(batch *kv.Batch) {
		if next.schedule != nil {
			batch.Set(scheduleKey(r.Name), encode(next.schedule))
		} else if old != nil && old.schedule != nil {
			batch.Delete(scheduleKey(r.Name))
		}
		batch.Set(ruleKey(r.Bus, r.Name), encode(r))
		if extra != nil {
			extra(batch)
		}
	})
	if err != nil {
		return err
	}
	// Before the catalog: no event may be routed to a queue that does not exist.
	if err := b.setQueues(next); err != nil {
		return err
	}
	b.swapCatalog(b.catalog.Load().with(st.with(next)))
	b.wakeSchedules()
	return nil
}

// setQueues declares the queues of a rule's targets, with the policies that the
// targets ask for.
func (b *Buses) setQueues(r *ruleState) error {
	for i := range r.Targets {
		p, err := r.Targets[i].policy(b.RuleARN(r.Bus, r.Name), r.Name)
		if err != nil {
			return err
		}
		if b.unsupported(p.ARN) {
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

// SetEnabled enables or disables a rule. Errors: ErrBusNotFound, ErrRuleNotFound,
// ErrManagedRule.
func (b *Buses) SetEnabled(bus, name string, on bool) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, old, err := b.rule(bus, name)
	if err != nil {
		return err
	}
	if err := old.checkManaged(); err != nil {
		return err
	}
	r := old.Rule
	r.Disabled = !on
	return b.replace(st, r, nil)
}

// DeleteRule removes a rule that has no targets. It does nothing if there is no
// such rule.
// Errors: ErrBusNotFound, ErrRuleHasTargets, ErrManagedRule.
func (b *Buses) DeleteRule(bus, name string) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, err := b.bus(bus)
	if err != nil {
		return err
	}
	r, err := st.rule(name)
	if err != nil {
		return nil
	}
	if err := r.checkManaged(); err != nil {
		return err
	}
	if len(r.Targets) > 0 {
		return &NameError{Bus: bus, Rule: name, Err: ErrRuleHasTargets}
	}
	b.scheduleMu.Lock()
	defer b.scheduleMu.Unlock()
	err = b.save(func(batch *kv.Batch) {
		batch.Delete(ruleKey(bus, name))
		if r.schedule != nil {
			batch.Delete(scheduleKey(name))
		}
	})
	if err != nil {
		return err
	}
	b.swapCatalog(b.catalog.Load().with(st.without(name)))
	return nil
}
