package bus

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
)

// load reads the stored archives, buses and rules, and declares the queues of the
// rules' targets. Archives come first, as their rules look them up.
func (b *Buses) load() (catalog, error) {
	buses := catalog{}
	if err := b.loadArchives(); err != nil {
		return nil, err
	}
	err := each(b.store, kv.NewKey('b'), func(value []byte) error {
		st := &busState{tombstone: &tombstone{}}
		if err := json.Unmarshal(value, &st.Bus); err != nil {
			return fmt.Errorf("bus: %w: stored bus: %w", kv.ErrCorrupt, err)
		}
		buses[st.Name] = st
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(b.store, kv.NewKey('u'), func(value []byte) error { return b.loadRule(buses, value) })
	if err != nil {
		return nil, err
	}
	for name, st := range buses {
		buses[name] = st.withRules(st.rules)
	}
	return buses, nil
}

// loadRule reads a stored rule.
func (b *Buses) loadRule(buses catalog, value []byte) error {
	var r Rule
	if err := json.Unmarshal(value, &r); err != nil {
		return fmt.Errorf("bus: %w: stored rule: %w", kv.ErrCorrupt, err)
	}
	st, ok := buses[r.Bus]
	if !ok {
		return fmt.Errorf("bus: %w: rule %q of bus %q, which does not exist", kv.ErrCorrupt, r.Name, r.Bus)
	}
	rs, err := b.newRuleState(r)
	if err == nil {
		rs.schedule, err = b.loadScheduleState(&r)
	}
	if err == nil {
		err = b.setQueues(rs)
	}
	if err != nil {
		return fmt.Errorf("bus: %w: rule %q of bus %q: %w", kv.ErrCorrupt, r.Name, r.Bus, err)
	}
	st.rules = append(st.rules, rs) // keys are in the order of the names
	return nil
}

// each calls fn for the values below a prefix, in the order of the keys.
func each(store *kv.Store, prefix kv.Key, fn func(value []byte) error) error {
	it := store.Scan(kv.Prefix(prefix))
	for it.Next() {
		if err := fn(it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close()
}
