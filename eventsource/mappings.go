package eventsource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// Options configure Mappings. Streams, Invoke, Exists and FunctionARN must be
// set.
type Options struct {
	Streams *stream.Streams
	// Invoke hands an event to a function and waits for its answer; an error, or
	// a result with NotStarted, says that it was not reached.
	Invoke func(ctx context.Context, name string, payload []byte) (process.Result, error)
	// Exists reports whether there is a function of the name.
	Exists func(name string) bool
	// FunctionARN returns a function's name in full.
	FunctionARN func(name string) string
	// Destination returns what hands the failure record of a function, named in
	// full, to the ARN. The default knows none.
	Destination func(arn string) (Destination, error)
	// Bury adds a failure record to the dead letters of a function, in the batch.
	Bury func(b *kv.Batch, name string, record []byte)
	// Region stands in records. The default is local.Region.
	Region string
	// Pause is the time before a batch is tried for the n-th time again. The
	// default is 100 ms, doubled up to 30 s.
	Pause func(n int) time.Duration
	// Now is the clock by which records age. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// ErrRefused says that a destination will never take a failure record: it goes
// to the dead letters of the function.
var ErrRefused = errors.New("eventsource: the destination refuses the failure record")

// A Destination takes a failure record, or says why not; ErrRefused, or anything
// else to be asked again.
type Destination func(ctx context.Context, functionARN string, record []byte) error

func (o Options) withDefaults() Options {
	if o.Destination == nil {
		o.Destination = func(arn string) (Destination, error) {
			return nil, fmt.Errorf("eventsource: no destination %s", arn)
		}
	}
	if o.Region == "" {
		o.Region = local.Region
	}
	if o.Pause == nil {
		o.Pause = pauseOf
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Mappings are all event source mappings of a store. The methods may be called
// from any goroutine; records flow while Run runs.
type Mappings struct {
	store *kv.Store
	opts  Options
	now   func() time.Time // steady

	control sync.Mutex // held while a mapping is made or changed

	mu     sync.Mutex
	byUUID map[string]*runner // guarded by mu
	fresh  []*runner          // guarded by mu; Run has not started them
	wake   wait.Signal        // tells Run of them
}

func mappingKey(uuid string) kv.Key { return kv.NewKey('v').Uint64(0).String(uuid) }

// Open reads the mappings of the store.
func Open(store *kv.Store, o Options) (*Mappings, error) {
	o = o.withDefaults()
	ms := &Mappings{store: store, opts: o, now: kv.SteadyClock(o.Now), byUUID: map[string]*runner{}, wake: wait.NewSignal()}
	it := store.Scan(kv.Prefix(kv.NewKey('v').Uint64(0)))
	for it.Next() {
		var m Mapping
		if err := kv.Unmarshal(it.Value(), &m); err != nil {
			return nil, errors.Join(fmt.Errorf("eventsource: mapping: %w", err), it.Close())
		}
		if err := ms.add(&m); err != nil {
			return nil, errors.Join(err, it.Close())
		}
	}
	return ms, it.Close()
}

// add takes in a mapping and has Run run it.
func (ms *Mappings) add(m *Mapping) error {
	r := &runner{
		all: ms, parked: newParked(ms.store, m.UUID), redriving: make(chan struct{}, 1), Mapping: *m,
		state: Disabled, result: noRecords, halted: map[string]string{}, stop: make(chan struct{}),
	}
	if m.Enabled {
		r.state = Enabled
	}
	if err := r.held.load(r.parked); err != nil {
		return err
	}
	if err := r.loadCounts(); err != nil {
		return err
	}
	ms.mu.Lock()
	ms.byUUID[m.UUID], ms.fresh = r, append(ms.fresh, r)
	ms.mu.Unlock()
	ms.wake.Set()
	return nil
}

// Run feeds the functions until ctx ends.
func (ms *Mappings) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		ms.mu.Lock()
		fresh := ms.fresh
		ms.fresh = nil
		ms.mu.Unlock()
		for _, r := range fresh {
			all.Go(func() { r.run(ctx) })
		}
		select {
		case <-ms.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// Create makes a mapping of stream, start, settings and tags; the rest is given
// to it. Errors: ErrNoStream, ErrNoFunction, ErrFilter, *ExistsError, those of
// Options.Destination, kv.ErrDiskFull.
func (ms *Mappings) Create(m Mapping) (Status, error) {
	ms.control.Lock()
	defer ms.control.Unlock()
	st, err := ms.opts.Streams.Get(m.Stream)
	if err != nil {
		return Status{}, fmt.Errorf("%w: %s", ErrNoStream, m.Stream)
	}
	if err := ms.check(&m.Settings); err != nil {
		return Status{}, err
	}
	for _, other := range ms.List("", 1<<30) {
		if other.Stream == m.Stream && other.Function == m.Function {
			return Status{}, &ExistsError{other.UUID, m.Stream, m.Function}
		}
	}
	m.UUID = uuid.NewString()
	if m.Start == Latest {
		m.After = st.End()
	}
	if err := ms.keep(&m); err != nil {
		return Status{}, err
	}
	if err := ms.add(&m); err != nil {
		return Status{}, err
	}
	r, err := ms.find(m.UUID)
	if err != nil {
		return Status{}, err
	}
	return r.status(), nil
}

// check finds what Settings alone do not tell.
func (ms *Mappings) check(s *Settings) error {
	if !ms.opts.Exists(s.Function) {
		return fmt.Errorf("%w: %s", ErrNoFunction, s.Function)
	}
	if _, err := s.compile(); err != nil {
		return err
	}
	if s.OnFailure == "" || s.OnFailure == DeadLetters {
		return nil
	}
	_, err := ms.opts.Destination(s.OnFailure)
	return err
}

// keep makes a mapping durable.
func (ms *Mappings) keep(m *Mapping) error {
	m.Modified = ms.opts.Now().UTC()
	v, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("eventsource: mapping: %w", err)
	}
	b := ms.store.NewBatch()
	b.Set(mappingKey(m.UUID), v)
	_, err = ms.store.Commit(b)
	return err
}

func (ms *Mappings) find(uuid string) (*runner, error) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if r, ok := ms.byUUID[uuid]; ok {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, uuid)
}

// Get tells how a mapping is doing. Errors: ErrNotFound.
func (ms *Mappings) Get(uuid string) (Status, error) {
	r, err := ms.find(uuid)
	if err != nil {
		return Status{}, err
	}
	return r.status(), nil
}

// List returns up to limit mappings in order of their UUIDs, after the one
// named.
func (ms *Mappings) List(after string, limit int) []Status {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var out []Status
	for uuid, r := range ms.byUUID {
		if uuid > after {
			out = append(out, r.status())
		}
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.UUID, b.UUID) })
	return out[:min(limit, len(out))]
}

// Update changes the settings of a mapping. They are in force once what is
// under way has ended; State tells. Errors: ErrNotFound, ErrBusy, and those of
// Create.
func (ms *Mappings) Update(uuid string, do func(*Settings)) (Status, error) {
	ms.control.Lock()
	defer ms.control.Unlock()
	r, err := ms.find(uuid)
	if err != nil {
		return Status{}, err
	}
	next := r.mapping()
	was := next.Enabled
	do(&next.Settings)
	if err := ms.check(&next.Settings); err != nil {
		return Status{}, err
	}
	for _, other := range ms.List("", 1<<30) {
		if other.UUID != uuid && other.Stream == next.Stream && other.Function == next.Function {
			return Status{}, &ExistsError{other.UUID, next.Stream, next.Function}
		}
	}
	if r.changing() {
		return Status{}, ErrBusy
	}
	if err := ms.keep(&next); err != nil {
		return Status{}, err
	}
	state := Updating
	switch {
	case was && !next.Enabled:
		state = Disabling
	case !was && next.Enabled:
		state = Enabling
	}
	return r.change(state, &next), nil
}

// Tag changes the tags of a mapping. Errors: ErrNotFound, ErrTooManyTags.
func (ms *Mappings) Tag(uuid string, set map[string]string, remove []string) error {
	ms.control.Lock()
	defer ms.control.Unlock()
	r, err := ms.find(uuid)
	if err != nil {
		return err
	}
	r.mu.Lock()
	next := r.Mapping
	if r.next != nil {
		next = *r.next
	}
	r.mu.Unlock()
	tags := map[string]string{}
	maps.Copy(tags, next.Tags)
	maps.Copy(tags, set)
	for _, key := range remove {
		delete(tags, key)
	}
	if len(tags) > maxTags {
		return ErrTooManyTags
	}
	next.Tags = tags
	if err := ms.keep(&next); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Tags = tags
	if r.next != nil {
		r.next.Tags = tags
	}
	return nil
}

// Delete ends a mapping, and forgets how far it came and what it parked. It is
// gone once what is under way has ended. Errors: ErrNotFound, ErrBusy.
func (ms *Mappings) Delete(uuid string) (Status, error) {
	ms.control.Lock()
	defer ms.control.Unlock()
	r, err := ms.find(uuid)
	if err != nil {
		return Status{}, err
	}
	if r.changing() {
		return Status{}, ErrBusy
	}
	b := ms.store.NewBatch()
	b.UseReserve()
	b.Delete(mappingKey(uuid))
	deleteProgress(b, uuid)
	if _, err := ms.store.Commit(b); err != nil {
		return Status{}, err
	}
	return r.change(Deleting, nil), nil
}

// deleteProgress removes checkpoints and parked records in the batch.
func deleteProgress(b *kv.Batch, uuid string) {
	for _, kind := range []uint64{1, 2} {
		r := kv.Prefix(kv.NewKey('v').Uint64(kind).String(uuid))
		b.DeleteRange(r.Lower, r.Upper)
	}
}

// forget removes what a mapping stored between its Delete and its end.
func (ms *Mappings) forget(uuid string) error {
	b := ms.store.NewBatch()
	b.UseReserve()
	deleteProgress(b, uuid)
	_, err := ms.store.Commit(b)
	ms.mu.Lock()
	delete(ms.byUUID, uuid)
	ms.mu.Unlock()
	return err
}

// Halted returns why a mapping reads a shard no further; nil if none halted.
func (ms *Mappings) Halted() error {
	for _, s := range ms.List("", math.MaxInt) {
		if s.Halted != "" {
			return fmt.Errorf("eventsource: mapping %s of function %s halted at %s", s.UUID, s.Function, s.Halted)
		}
	}
	return nil
}
