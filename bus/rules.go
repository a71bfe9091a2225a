package bus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

// queue returns the id of the queue of a target.
func (r *Rule) queue(i int) delivery.QueueID {
	return delivery.QueueID{Bus: r.Bus, Rule: r.Name, Target: r.Targets[i].ID}
}

// policy returns how a target's queue works.
func (t *Target) policy() delivery.Policy {
	p := delivery.Policy{ARN: t.ARN, MaxAge: time.Duration(t.MaxAgeSeconds) * time.Second, Ordered: t.Ordered, Input: t.body()}
	if t.MaxRetries != nil {
		p.MaxAttempts = *t.MaxRetries + 1
	}
	return p
}

// PutRule makes a rule or replaces all of it but its targets. Errors:
// ErrBusNotFound, *pattern.Error.
func (b *Buses) PutRule(r Rule) error {
	b.control.Lock()
	defer b.control.Unlock()
	if _, err := pattern.Compile([]byte(r.Pattern)); err != nil {
		return err
	}
	st, err := b.get(r.Bus)
	if err != nil {
		return err
	}
	if old, ok := st.rules[r.Name]; ok {
		r.Targets = old.Targets
	}
	return b.replace(st, &r)
}

// replace stores a rule and makes it live.
func (b *Buses) replace(st *state, r *Rule) error {
	rules := maps.Clone(st.rules)
	rules[r.Name] = r
	return b.swap(st, rules, func(batch *kv.Batch) { batch.Set(ruleKey(r.Bus, r.Name), encode(r)) })
}

// swap compiles the rules, commits the change, and makes the rules live.
func (b *Buses) swap(st *state, rules map[string]*Rule, change func(*kv.Batch)) error {
	live, err := newRuleSet(rules)
	if err != nil {
		return err
	}
	if err := b.save(change); err != nil {
		return err
	}
	b.mu.Lock()
	st.rules = rules
	b.mu.Unlock()
	st.live.Store(live)
	return nil
}

// Rule returns a rule. Errors: ErrBusNotFound, ErrRuleNotFound.
func (b *Buses) Rule(bus, name string) (Rule, error) {
	st, err := b.get(bus)
	if err != nil {
		return Rule{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if r, ok := st.rules[name]; ok {
		return *r, nil
	}
	return Rule{}, fmt.Errorf("%w: %s on %s", ErrRuleNotFound, name, bus)
}

// Rules returns the rules of a bus whose names begin with prefix, in order.
// Errors: ErrBusNotFound.
func (b *Buses) Rules(bus, prefix string) ([]Rule, error) {
	st, err := b.get(bus)
	if err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []Rule
	for name, r := range st.rules {
		if strings.HasPrefix(name, prefix) {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(x, y Rule) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// SetEnabled turns a rule on or off. Errors: ErrBusNotFound, ErrRuleNotFound.
func (b *Buses) SetEnabled(bus, name string, on bool) error {
	return b.edit(bus, name, func(r *Rule) error {
		r.Disabled = !on
		return nil
	}, nil)
}

// edit replaces a rule by a changed copy, then calls after, if given.
func (b *Buses) edit(bus, name string, change func(*Rule) error, after func(*Rule)) error {
	b.control.Lock()
	defer b.control.Unlock()
	r, err := b.Rule(bus, name)
	if err != nil {
		return err
	}
	r.Targets = slices.Clone(r.Targets)
	if err := change(&r); err != nil {
		return err
	}
	st, err := b.get(bus)
	if err != nil {
		return err
	}
	if after != nil {
		after(&r)
	}
	return b.replace(st, &r)
}

// DeleteRule removes a rule without targets. That there is none is no error.
// Errors: ErrBusNotFound, ErrRuleHasTargets.
func (b *Buses) DeleteRule(bus, name string) error {
	b.control.Lock()
	defer b.control.Unlock()
	st, err := b.get(bus)
	if err != nil {
		return err
	}
	r, err := b.Rule(bus, name)
	if err != nil {
		return nil
	}
	if len(r.Targets) > 0 {
		return fmt.Errorf("%w: %s", ErrRuleHasTargets, name)
	}
	rules := maps.Clone(st.rules)
	delete(rules, name)
	return b.swap(st, rules, func(batch *kv.Batch) { batch.Delete(ruleKey(bus, name)) })
}

// PutTargets adds targets to a rule; one with a known id is replaced. Errors:
// ErrBusNotFound, ErrRuleNotFound, ErrTooManyTargets.
func (b *Buses) PutTargets(bus, rule string, targets []Target) error {
	return b.edit(bus, rule, func(r *Rule) error {
		for _, t := range targets {
			if i := r.find(t.ID); i >= 0 {
				r.Targets[i] = t
			} else {
				r.Targets = append(r.Targets, t)
			}
		}
		if len(r.Targets) > MaxTargets {
			return ErrTooManyTargets
		}
		return nil
	}, func(r *Rule) {
		// The queues stand before the rule sends to them.
		for i := range r.Targets {
			b.queues.Set(r.queue(i), r.Targets[i].policy())
		}
	})
}

func (r *Rule) find(id string) int {
	return slices.IndexFunc(r.Targets, func(t Target) bool { return t.ID == id })
}

// RemoveTargets takes targets from a rule; what was pending for them is dropped
// and counted. missing are the ids that the rule does not have. Errors:
// ErrBusNotFound, ErrRuleNotFound.
func (b *Buses) RemoveTargets(bus, rule string, ids []string) (missing []string, err error) {
	b.control.Lock()
	defer b.control.Unlock()
	r, err := b.Rule(bus, rule)
	if err != nil {
		return nil, err
	}
	st, err := b.get(bus)
	if err != nil {
		return nil, err
	}
	r.Targets = slices.Clone(r.Targets)
	var queues []delivery.QueueID
	for _, id := range ids {
		i := r.find(id)
		if i < 0 {
			missing = append(missing, id)
			continue
		}
		queues = append(queues, r.queue(i))
		r.Targets = slices.Delete(r.Targets, i, i+1)
	}
	rules := maps.Clone(st.rules)
	rules[rule] = &r
	return missing, b.swap(st, rules, func(batch *kv.Batch) {
		batch.Set(ruleKey(bus, rule), encode(&r))
		for _, q := range queues {
			b.queues.Remove(batch, q)
		}
	})
}
