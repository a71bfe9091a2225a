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
	"github.com/tablecast/tablecast/kv"
)

// Buses are all buses of a store. Methods may be called from any goroutine.
type Buses struct {
	store   *kv.Store
	queues  *delivery.Queues
	opts    Options
	catalog atomic.Pointer[catalog]
	lost    atomic.Uint64 // events put to buses that do not exist
	recent  recent

	publishing idLocks

	control  sync.Mutex               // held by whatever changes buses, rules or targets
	archives map[string]*archiveState // guarded by control

	replaying   sync.Mutex         // held over the commits of a replay
	replays     map[string]*Replay // guarded by replaying
	replayWoken chan struct{}

	timing        sync.Mutex // held over the commits of schedules, guards all timetables
	scheduleWoken chan struct{}
}

// A Bus is where events go in.
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

// Open reads the buses and rules of a store, makes their queues known, and
// makes the default bus if there is none. The queues are not running so far.
func Open(store *kv.Store, queues *delivery.Queues, o Options) (*Buses, error) {
	b := &Buses{
		store: store, queues: queues, opts: o.withDefaults(),
		archives: map[string]*archiveState{}, replays: map[string]*Replay{}, replayWoken: make(chan struct{}, 1), scheduleWoken: make(chan struct{}, 1),
	}
	buses, err := b.load()
	if err != nil {
		return nil, err
	}
	b.enforce(buses)
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

// Create makes a bus. Errors: ErrBusExists, ErrBusName for a name that is empty
// or contains a slash, ErrLimit.
func (b *Buses) Create(bus Bus) error {
	b.control.Lock()
	defer b.control.Unlock()
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
	st := &busState{Bus: bus, life: &life{}}
	b.enforce(buses.with(st.withRules(nil)))
	return nil
}

// Update changes a bus: its description, its policy, and what is kept for AWS
// tools. do must not keep what it is given. Errors: ErrBusNotFound, those of do.
func (b *Buses) Update(name string, do func(*Bus) error) (Bus, error) {
	b.control.Lock()
	defer b.control.Unlock()
	return b.update(name, do)
}

// update is Update for a caller that holds control.
func (b *Buses) update(name string, do func(*Bus) error) (Bus, error) {
	st, err := b.bus(name)
	if err != nil {
		return Bus{}, err
	}
	next := *st
	if err := do(&next.Bus); err != nil {
		return Bus{}, err
	}
	next.Name, next.Created, next.Modified = name, st.Created, b.opts.Now().UTC()
	if err := b.save(func(batch *kv.Batch) { batch.Set(busKey(name), encode(next.Bus)) }); err != nil {
		return Bus{}, err
	}
	b.enforce(b.catalog.Load().with(&next))
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

// Delete removes a bus that has no rules, and its stored events. That there is
// none is no error. Errors: ErrDefaultBus, ErrBusHasRules.
func (b *Buses) Delete(name string) error {
	b.control.Lock()
	defer b.control.Unlock()
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
	events := kv.Prefix(kv.NewKey('e').String(name))
	err := b.save(func(batch *kv.Batch) {
		batch.Delete(busKey(name))
		batch.DeleteRange(events.Lower, events.Upper)
		batch.Number(1, func(uint64) { st.life.over = true })
	})
	if err != nil {
		return err
	}
	b.enforce(buses.without(name))
	return nil
}

// ARN returns the name of a bus to AWS tools.
func (b *Buses) ARN(bus string) string { return b.arnPrefix() + "event-bus/" + bus }

// RuleARN returns the name of a rule to AWS tools.
func (b *Buses) RuleARN(bus, rule string) string {
	if bus == Default {
		return b.arnPrefix() + "rule/" + rule
	}
	return b.arnPrefix() + "rule/" + bus + "/" + rule
}

func (b *Buses) arnPrefix() string {
	return "arn:aws:events:" + b.opts.Region + ":" + b.opts.Account + ":"
}

// Account returns the account that the buses stand in.
func (b *Buses) Account() string { return b.opts.Account }

// save commits a change of buses or rules. It is small, and goes on while the
// disk is nearly full so that a node can be started and mended then.
func (b *Buses) save(fill func(*kv.Batch)) error {
	batch := b.store.NewBatch()
	batch.UseReserve()
	fill(batch)
	_, err := b.store.Commit(batch)
	return err
}

// encode returns the stored form of a bus, rule or ledger; equal values have
// equal forms.
func encode(v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("bus: %v", err)) // plain data always marshals
	}
	return out
}

func same(x, y any) bool { return bytes.Equal(encode(x), encode(y)) }
