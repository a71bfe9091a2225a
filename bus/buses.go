package bus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
)

// Buses are all buses of a store. Methods may be called from any goroutine.
//
// Whoever takes several locks takes them in this order: replayMu, controlMu,
// scheduleMu, and in a commit the commit lock of the store. Accepting events
// takes only the last; Put holds locks of its deduplication ids around it.
type Buses struct {
	store   *kv.Store
	queues  *delivery.Queues
	opts    Options
	catalog atomic.Pointer[catalog]
	lost    atomic.Uint64 // events put to buses that do not exist
	cache   eventCache

	dedupLocks stripedLocks // held by Put from the look-up of its ids until their commit

	controlMu sync.Mutex               // held by every change of a bus, rule, target or archive, commit included
	archives  map[string]*archiveState // guarded by controlMu

	replayMu     sync.Mutex         // held by every step of a replay, commit included
	replays      map[string]*Replay // guarded by replayMu
	replaySignal wait.Signal        // a replay was started or cancelled

	scheduleMu     sync.Mutex  // guards what all scheduleStates hold; held over the commits that store one
	scheduleSignal wait.Signal // a rule changed
}

// A Bus takes events and passes them to its rules.
type Bus struct {
	Name        string `json:"name"`
	Description string `json:"description,omitzero"`
	// Created and Modified are set by Create if they are zero.
	Created  time.Time         `json:"created"`
	Modified time.Time         `json:"modified"`
	Tags     map[string]string `json:"tags,omitzero"`
	// DeadLetterARN, LogLevel and LogDetail are kept for AWS tools and have no
	// effect: dead letters stay in the store.
	DeadLetterARN string `json:"deadLetterArn,omitzero"`
	LogLevel      string `json:"logLevel,omitzero"`
	LogDetail     string `json:"logDetail,omitzero"`
	// Policy is the bus's resource policy, JSON, kept for AWS tools; who holds the
	// node's keys may use all buses.
	Policy string `json:"policy,omitzero"`
	// Origin names what declared the bus; empty for the API.
	Origin string `json:"origin,omitzero"`
}

// Open reads the buses and rules of a store, declares their queues, and creates
// the default bus if there is none. The caller runs the queues afterwards.
func Open(store *kv.Store, queues *delivery.Queues, o Options) (*Buses, error) {
	b := &Buses{
		store: store, queues: queues, opts: o.withDefaults(),
		archives: map[string]*archiveState{}, replays: map[string]*Replay{}, replaySignal: wait.NewSignal(), scheduleSignal: wait.NewSignal(),
	}
	buses, err := b.load()
	if err != nil {
		return nil, err
	}
	b.swapCatalog(buses)
	if err := b.loadReplays(); err != nil {
		return nil, err
	}
	if _, ok := buses[Default]; !ok {
		if err := b.Create(Bus{Name: Default}); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func busKey(name string) kv.Key       { return kv.NewKey('b').String(name) }
func ruleKey(bus, rule string) kv.Key { return kv.NewKey('u').String(bus).String(rule) }

// Create creates a bus. Errors: ErrBusExists, ErrBusName for a name that is empty
// or contains a slash, ErrLimit.
func (b *Buses) Create(bus Bus) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	buses := *b.catalog.Load()
	switch _, exists := buses[bus.Name]; {
	case bus.Name == "" || strings.Contains(bus.Name, "/"):
		return &NameError{Bus: bus.Name, Err: ErrBusName}
	case exists:
		return &NameError{Bus: bus.Name, Err: ErrBusExists}
	case len(buses) >= b.opts.MaxBuses && bus.Name != Default:
		return ErrLimit
	}
	now := b.opts.Now().UTC()
	if bus.Created.IsZero() {
		bus.Created = now
	}
	if bus.Modified.IsZero() {
		bus.Modified = now
	}
	if err := b.save(func(batch *kv.Batch) { batch.Set(busKey(bus.Name), encode(bus)) }); err != nil {
		return err
	}
	st := &busState{Bus: bus, tombstone: &tombstone{}}
	b.swapCatalog(buses.with(st.withRules(nil)))
	return nil
}

// Update calls edit with a copy of a bus and stores what edit makes of it; name
// and creation time stay. edit must not keep the pointer. Errors:
// ErrBusNotFound, those of edit.
func (b *Buses) Update(name string, edit func(*Bus) error) (Bus, error) {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	return b.update(name, edit)
}

// update is Update for a caller that holds controlMu.
func (b *Buses) update(name string, edit func(*Bus) error) (Bus, error) {
	st, err := b.bus(name)
	if err != nil {
		return Bus{}, err
	}
	next := *st
	if err := edit(&next.Bus); err != nil {
		return Bus{}, err
	}
	next.Name, next.Created, next.Modified = name, st.Created, b.opts.Now().UTC()
	if err := b.save(func(batch *kv.Batch) { batch.Set(busKey(name), encode(next.Bus)) }); err != nil {
		return Bus{}, err
	}
	b.swapCatalog(b.catalog.Load().with(&next))
	return next.Bus, nil
}

// Describe returns a bus. Errors: ErrBusNotFound.
func (b *Buses) Describe(name string) (Bus, error) {
	st, err := b.bus(name)
	if err != nil {
		return Bus{}, err
	}
	return st.Bus, nil
}

// List returns the buses whose names begin with prefix, in order.
func (b *Buses) List(prefix string) []Bus {
	var out []Bus
	for name, st := range *b.catalog.Load() {
		if strings.HasPrefix(name, prefix) {
			out = append(out, st.Bus)
		}
	}
	slices.SortFunc(out, func(x, y Bus) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// Delete removes a bus that has no rules, its stored events and its
// deduplication ids. It does nothing if there is no such bus. Errors:
// ErrDefaultBus, ErrBusHasRules.
func (b *Buses) Delete(name string) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	if name == Default {
		return ErrDefaultBus
	}
	buses := *b.catalog.Load()
	st, ok := buses[name]
	if !ok {
		return nil
	}
	if len(st.rules) > 0 {
		return &NameError{Bus: name, Err: ErrBusHasRules}
	}
	err := b.save(func(batch *kv.Batch) {
		batch.Delete(busKey(name))
		for _, r := range []kv.Range{kv.Prefix(kv.NewKey('e').String(name)), kv.Prefix(dedupPrefix(name))} {
			batch.DeleteRange(r.Lower, r.Upper)
		}
		// Inside the commit: an event that was routed before the catalog is
		// swapped below commits before the ranges are deleted, or sees this.
		batch.Number(1, func(uint64) { st.tombstone.deleted = true })
	})
	if err != nil {
		return err
	}
	b.swapCatalog(buses.without(name))
	return nil
}

// ARN returns the ARN of a bus.
func (b *Buses) ARN(bus string) string { return b.arn("event-bus/" + bus) }

// RuleARN returns the ARN of a rule.
func (b *Buses) RuleARN(bus, rule string) string {
	if bus == Default {
		return b.arn("rule/" + rule)
	}
	return b.arn("rule/" + bus + "/" + rule)
}

func (b *Buses) arn(resource string) string {
	return local.ARN("events", b.opts.Region, b.opts.Account, resource)
}

// Account returns the account that owns the buses.
func (b *Buses) Account() string { return b.opts.Account }

// save commits a small change of the control plane. It uses the reserve of a
// disk that is nearly full, so that a node can be started and repaired then.
func (b *Buses) save(fill func(*kv.Batch)) error {
	batch := b.store.NewBatch()
	batch.UseReserve()
	fill(batch)
	_, err := b.store.Commit(batch)
	return err
}

// encode returns the stored form of a bus, a rule or anything else that is stored
// as JSON; equal values have equal forms.
func encode(v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("bus: %v", err)) // plain data always marshals
	}
	return out
}

// same reports whether two values have the same stored form.
func same(x, y any) bool { return bytes.Equal(encode(x), encode(y)) }
