package bus

import (
	"maps"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/pattern"
)

// A catalog holds all buses with their rules and targets, by name. It is
// immutable: a change builds the next catalog and swaps the pointer to it, so
// that readers take no lock.
type catalog map[string]*busState

// with returns the catalog with a bus added or replaced.
func (c catalog) with(st *busState) catalog {
	next := maps.Clone(c)
	next[st.Name] = st
	return next
}

// without returns the catalog without a bus.
func (c catalog) without(name string) catalog {
	next := maps.Clone(c)
	delete(next, name)
	return next
}

// A busState is a bus with its compiled rules. It is immutable but for the
// tombstone, which all states of one bus share.
type busState struct {
	Bus
	rules     []*ruleState // in the order of their names
	set       ruleSet
	tombstone *tombstone
}

// A tombstone is set inside the commit that deletes a bus. Commits of events
// that were routed earlier read it, and leave those events out.
type tombstone struct {
	deleted bool // guarded by the commit lock of the store
}

// A ruleState is a rule with its compiled pattern. It is immutable but for what
// schedule points to.
type ruleState struct {
	Rule
	pattern  *pattern.Pattern
	queues   []delivery.QueueID // of its targets
	archive  *archiveState      // the archive that the rule feeds; nil for other rules
	schedule *scheduleState     // nil without a schedule; its fields are guarded by scheduleMu
}

// newRuleState compiles a rule. Errors: *pattern.Error.
func (b *Buses) newRuleState(r Rule) (*ruleState, error) {
	st := &ruleState{Rule: r, archive: b.archives[r.Archive]}
	if r.Pattern != "" || r.Schedule == "" {
		p, err := pattern.Compile([]byte(r.Pattern))
		if err != nil {
			return nil, err
		}
		st.pattern = p
	}
	for _, t := range r.Targets {
		st.queues = append(st.queues, delivery.QueueID{Bus: r.Bus, Rule: r.Name, Target: t.ID})
	}
	return st, nil
}

// matches reports whether the rule takes part in matching: it is enabled and has
// a pattern.
func (r *ruleState) matches() bool { return !r.Disabled && r.pattern != nil }

// A ruleSet holds the rules of a bus that take part in matching, compiled into
// one index.
type ruleSet struct {
	rules []*ruleState
	index *pattern.Set // its pattern n is that of rules[n]
}

func newRuleSet(rules []*ruleState) ruleSet {
	var rs ruleSet
	var patterns []*pattern.Pattern
	for _, r := range rules {
		if r.matches() {
			rs.rules = append(rs.rules, r)
			patterns = append(patterns, r.pattern)
		}
	}
	rs.index = pattern.NewSet(patterns)
	return rs
}

// withRule returns the set with one rule more. It takes far less time than
// compiling all of them again.
func (rs ruleSet) withRule(r *ruleState) ruleSet {
	switch {
	case !r.matches():
		return rs
	case rs.index == nil: // no rule yet
		return newRuleSet([]*ruleState{r})
	}
	return ruleSet{rules: append(slices.Clip(rs.rules), r), index: rs.index.With(r.pattern)}
}

// withRules returns the state of the bus with other rules.
func (st *busState) withRules(rules []*ruleState) *busState {
	next := *st
	next.rules, next.set = rules, newRuleSet(rules)
	return &next
}

// with returns the state of the bus with a rule added or replaced.
func (st *busState) with(r *ruleState) *busState {
	i, found := st.search(r.Name)
	rules := slices.Clone(st.rules)
	if found {
		rules[i] = r
		return st.withRules(rules)
	}
	next := *st
	next.rules, next.set = slices.Insert(rules, i, r), st.set.withRule(r)
	return &next
}

// without returns the state of the bus without a rule.
func (st *busState) without(name string) *busState {
	return st.withRules(slices.DeleteFunc(slices.Clone(st.rules), func(r *ruleState) bool { return r.Name == name }))
}

func (st *busState) search(rule string) (int, bool) {
	return slices.BinarySearchFunc(st.rules, rule, func(r *ruleState, name string) int { return strings.Compare(r.Name, name) })
}

// rule returns a rule of the bus. Errors: ErrRuleNotFound.
func (st *busState) rule(name string) (*ruleState, error) {
	if i, found := st.search(name); found {
		return st.rules[i], nil
	}
	return nil, &NameError{Bus: st.Name, Rule: name, Err: ErrRuleNotFound}
}

// bus returns a bus of the current catalog. Errors: ErrBusNotFound.
func (b *Buses) bus(name string) (*busState, error) {
	if st, ok := (*b.catalog.Load())[name]; ok {
		return st, nil
	}
	return nil, &NameError{Bus: name, Err: ErrBusNotFound}
}

// rule returns a rule of the current catalog, and its bus. Errors: ErrBusNotFound,
// ErrRuleNotFound.
func (b *Buses) rule(bus, name string) (*busState, *ruleState, error) {
	st, err := b.bus(bus)
	if err != nil {
		return nil, nil, err
	}
	r, err := st.rule(name)
	return st, r, err
}

// swapCatalog makes the next catalog the current one. The caller holds controlMu,
// and what the catalog says is durable already (invariant 3).
func (b *Buses) swapCatalog(next catalog) { b.catalog.Store(&next) }
