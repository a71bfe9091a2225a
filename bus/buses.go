package bus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// Options configure Buses. The zero value works.
type Options struct {
	// Account and Region stand in events and ARNs. The defaults are
	// 000000000000 and us-east-1.
	Account, Region string
	// Retention is how long accepted events are kept. The default is 24 h.
	Retention time.Duration
	// OnAccepted hears of each event once it is durable, with the rules that
	// matched. It must be quick. The default is none.
	OnAccepted func(Accepted)
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// An Accepted event is durable.
type Accepted struct {
	Bus   string
	Seq   uint64
	Event *event.Event
	Rules []string
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	if o.OnAccepted == nil {
		o.OnAccepted = func(Accepted) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return o
}

// Buses are all buses of a store. Methods may be called from any goroutine.
type Buses struct {
	store  *kv.Store
	queues *delivery.Queues
	opts   Options

	lost atomic.Uint64 // events sent to buses that do not exist

	control sync.Mutex // held by whatever changes buses or rules, one at a time

	mu    sync.RWMutex
	buses map[string]*state // guarded by mu
}

// A state is a bus in memory.
type state struct {
	bus   Bus
	rules map[string]*Rule // a stored rule never changes, it is replaced; guarded by Buses.mu
	live  atomic.Pointer[ruleSet]
}

// Open reads the buses and rules of a store, and makes the default bus if there
// is none.
func Open(store *kv.Store, queues *delivery.Queues, o Options) (*Buses, error) {
	b := &Buses{store: store, queues: queues, opts: o.withDefaults(), buses: map[string]*state{}}
	if err := b.load(); err != nil {
		return nil, err
	}
	if _, ok := b.buses[Default]; !ok {
		now := time.Now().UTC()
		if err := b.Create(Bus{Name: Default, Created: now, Modified: now}); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Buses) load() error {
	err := each(b.store, kv.NewKey('b'), func(_, value []byte) error {
		st := &state{rules: map[string]*Rule{}}
		if err := json.Unmarshal(value, &st.bus); err != nil {
			return fmt.Errorf("bus: stored bus: %w", err)
		}
		b.buses[st.bus.Name] = st
		return nil
	})
	if err != nil {
		return err
	}
	err = each(b.store, kv.NewKey('u'), func(_, value []byte) error {
		r := &Rule{}
		if err := json.Unmarshal(value, r); err != nil {
			return fmt.Errorf("bus: stored rule: %w", err)
		}
		b.buses[r.Bus].rules[r.Name] = r
		for i := range r.Targets {
			b.queues.Set(r.queue(i), r.Targets[i].policy())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, st := range b.buses {
		live, err := newRuleSet(st.rules)
		if err != nil {
			return err
		}
		st.live.Store(live)
	}
	return nil
}

// each calls fn for the entries below prefix.
func each(store *kv.Store, prefix kv.Key, fn func(key, value []byte) error) error {
	it := store.Scan(kv.Prefix(prefix))
	for it.Next() {
		if err := fn(it.Key(), it.Value()); err != nil {
			it.Close()
			return err
		}
	}
	return it.Close()
}

func busKey(name string) kv.Key       { return kv.NewKey('b').String(name) }
func ruleKey(bus, rule string) kv.Key { return kv.NewKey('u').String(bus).String(rule) }
func eventKey(bus string, seq uint64) kv.Key {
	return kv.NewKey('e').String(bus).Uint64(seq)
}

// Create makes a bus. Errors: ErrBusExists.
func (b *Buses) Create(bus Bus) error {
	b.control.Lock()
	defer b.control.Unlock()
	if _, err := b.get(bus.Name); err == nil {
		return fmt.Errorf("%w: %s", ErrBusExists, bus.Name)
	}
	st := &state{bus: bus, rules: map[string]*Rule{}}
	live, err := newRuleSet(nil)
	if err != nil {
		return err
	}
	st.live.Store(live)
	if err := b.save(func(batch *kv.Batch) { batch.Set(busKey(bus.Name), encode(bus)) }); err != nil {
		return err
	}
	b.mu.Lock()
	b.buses[bus.Name] = st
	b.mu.Unlock()
	return nil
}

// Describe returns a bus. Errors: ErrBusNotFound.
func (b *Buses) Describe(name string) (Bus, error) {
	st, err := b.get(name)
	if err != nil {
		return Bus{}, err
	}
	return st.bus, nil
}

// List returns the buses whose names begin with prefix, in order.
func (b *Buses) List(prefix string) []Bus {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []Bus
	for name, st := range b.buses {
		if strings.HasPrefix(name, prefix) {
			out = append(out, st.bus)
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
	st, err := b.get(name)
	if err != nil {
		return nil
	}
	if len(st.rules) > 0 {
		return fmt.Errorf("%w: %s", ErrBusHasRules, name)
	}
	events := kv.Prefix(kv.NewKey('e').String(name))
	err = b.save(func(batch *kv.Batch) {
		batch.Delete(busKey(name))
		batch.DeleteRange(events.Lower, events.Upper)
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.buses, name)
	b.mu.Unlock()
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

// Lost returns how many events were sent to buses that do not exist.
func (b *Buses) Lost() uint64 { return b.lost.Load() }

func (b *Buses) get(name string) (*state, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if st, ok := b.buses[name]; ok {
		return st, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrBusNotFound, name)
}

// save commits a change of buses or rules.
func (b *Buses) save(fill func(*kv.Batch)) error {
	batch := b.store.NewBatch()
	batch.UseReserve()
	fill(batch)
	_, err := b.store.Commit(batch)
	return err
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bus: %v", err)) // plain data always marshals
	}
	return out
}

// Run removes events whose retention has passed, until ctx ends. Its clock is
// the wall clock at its start plus the time since, so that a wall clock that is
// set forward removes nothing early.
func (b *Buses) Run(ctx context.Context) error {
	start := time.Now()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			cutoff := start.Add(time.Since(start)).Add(-b.opts.Retention)
			for _, bus := range b.List("") {
				if err := b.trim(bus.Name, cutoff); err != nil {
					b.opts.Logger.Warn("bus: trim", "bus", bus.Name, "error", err)
				}
			}
		}
	}
}
