package bus

import (
	"maps"
)

// Tags returns the tags of a rule, or of the bus if rule is empty. The caller
// must not change them. Errors: ErrBusNotFound, ErrRuleNotFound.
func (b *Buses) Tags(bus, rule string) (map[string]string, error) {
	if rule == "" {
		st, err := b.Describe(bus)
		return st.Tags, err
	}
	r, err := b.Rule(bus, rule)
	return r.Tags, err
}

// Tag sets and then removes tags of a rule, or of the bus if rule is empty.
// Errors: ErrBusNotFound, ErrRuleNotFound, ErrTooManyTags.
func (b *Buses) Tag(bus, rule string, set map[string]string, remove []string) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	old, err := b.Tags(bus, rule)
	if err != nil {
		return err
	}
	tags, err := retag(old, set, remove)
	if err != nil {
		return err
	}
	if rule == "" {
		_, err := b.update(bus, func(x *Bus) error { x.Tags = tags; return nil })
		return err
	}
	st, r, err := b.rule(bus, rule)
	if err != nil {
		return err
	}
	next := r.Rule
	next.Tags = tags
	return b.replace(st, next, nil)
}

// retag returns the tags after a change; nil for none.
func retag(old, set map[string]string, remove []string) (map[string]string, error) {
	tags := map[string]string{}
	maps.Copy(tags, old)
	maps.Copy(tags, set)
	for _, key := range remove {
		delete(tags, key)
	}
	switch {
	case len(tags) > maxTags:
		return nil, ErrTooManyTags
	case len(tags) == 0:
		return nil, nil
	}
	return tags, nil
}
