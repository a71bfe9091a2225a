package table

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// Options configure Tables. The zero value works.
type Options struct {
	// Account and Region appear in ARNs. The defaults are those of package
	// internal/local: 000000000000 and us-east-1.
	Account, Region string
	// Now is the clock for the times of changes. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// Tables is the catalogue of all tables of a store, and reads and writes their
// items. Its methods may be called from any goroutine.
type Tables struct {
	store   *kv.Store
	streams *stream.Streams
	opts    Options
	locks   *locks

	control sync.Mutex  // held while a table is created, changed or deleted
	work    wait.Signal // tells Run that an index is to be backfilled

	mu     sync.RWMutex
	byName map[string]*tableState // guarded by mu
	next   uint64                 // next id of a table or an index; guarded by control

	maxCollection int64
}

// A tableState is one table. Its name, id, schema and creation never change.
type tableState struct {
	ts     *Tables
	id     uint64
	name   string
	schema item.KeySchema

	// writes is held shared by writers of items, from the read of the item until
	// the batch is applied, and exclusively by what changes the table itself.
	writes sync.RWMutex
	d      descriptor     // guarded by writes
	stream *stream.Stream // the enabled stream, or nil; guarded by writes
	gone   bool           // guarded by writes

	indexes []*index // in order of creation; guarded by writes
	count   *counter
	local   bool // has local indexes; never changes
}

// A descriptor is the stored form of a table's settings.
type descriptor struct {
	ID         uint64         `json:"id"`
	Name       string         `json:"name"`
	TableID    string         `json:"tableId"`
	Schema     item.KeySchema `json:"schema"`
	Created    time.Time      `json:"created"`
	Billing    Billing        `json:"billing"`
	Throughput Throughput     `json:"throughput"`
	Protected  bool           `json:"protected,omitzero"`
	StreamARN  string         `json:"streamArn,omitzero"` // of the latest stream

	Indexes []indexDescriptor `json:"indexes,omitzero"`
	Expiry  *expiry           `json:"expiry,omitzero"` // nil: items have no time to live
	Class   string            `json:"class,omitzero"`
	Tags    map[string]string `json:"tags,omitzero"`

	History ThroughputHistory `json:"history,omitzero"`
	// OnDemandSince is when the table last became one on demand. Of a table that was
	// made on demand by an older version it is zero.
	OnDemandSince time.Time `json:"onDemandSince,omitzero"`
}

// An expiry is the time to live of a table's items.
type expiry struct {
	ID        uint64 `json:"id"` // of the expiry index
	Attribute string `json:"attribute"`
	Fill      bool   `json:"fill,omitzero"` // the backfill is not done
}

// A Billing is a billing mode.
type Billing string

// The billing modes, by DynamoDB's names. They are stored, and say how many shards
// a stream begins with.
const (
	PayPerRequest Billing = "PAY_PER_REQUEST"
	Provisioned   Billing = "PROVISIONED"
)

// Open reads the catalogue.
func Open(store *kv.Store, streams *stream.Streams, o Options) (*Tables, error) {
	o.Account = cmp.Or(o.Account, local.Account)
	o.Region = cmp.Or(o.Region, local.Region)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ts := &Tables{store: store, streams: streams, opts: o, locks: newLocks(), work: wait.NewSignal(), byName: map[string]*tableState{}, next: 1, maxCollection: maxCollectionBytes}
	err := store.View(nextKey, func(v []byte) error {
		r := wire.NewReader(v)
		ts.next = r.Uint64()
		return whole(&r, nextKey)
	})
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	it := store.Scan(kv.Prefix(kv.NewKey('t').Uint64(1)))
	for it.Next() {
		if err := ts.load(it.Value()); err != nil {
			it.Close()
			return nil, err
		}
	}
	return ts, it.Close()
}

var nextKey = kv.NewKey('t').Uint64(0)

func catalogueKey(name string) kv.Key { return kv.NewKey('t').Uint64(1).String(name) }

func countKey(id uint64) kv.Key { return kv.NewKey('t').Uint64(2).Uint64(id) }

func itemsPrefix(id uint64) kv.Key { return kv.NewKey('i').Uint64(id) }

// load adds one table of the stored catalogue.
func (ts *Tables) load(value []byte) error {
	var d descriptor
	if err := kv.Unmarshal(value, &d); err != nil {
		return fmt.Errorf("table: descriptor: %w", err)
	}
	t := newTable(ts, d)
	if all := ts.streams.OfTable(t.name); len(all) > 0 {
		if last := all[len(all)-1]; last.Enabled() {
			t.stream = last
		}
	}
	if err := t.count.load(ts.store); err != nil {
		return err
	}
	for _, x := range t.indexes {
		if err := x.count.load(ts.store); err != nil {
			return err
		}
	}
	ts.byName[t.name] = t
	return nil
}

func newTable(ts *Tables, d descriptor) *tableState {
	t := &tableState{ts: ts, id: d.ID, name: d.Name, schema: d.Schema, d: d, count: newCounter(d.ID)}
	for _, x := range d.Indexes {
		t.indexes = append(t.indexes, newIndex(x, d.Schema))
		t.local = t.local || x.Local
	}
	if e := d.Expiry; e != nil {
		t.indexes = append(t.indexes, newExpiryIndex(e.ID, e.Attribute, e.Fill))
	}
	return t
}

// get returns the table of that name, or ErrNotFound.
func (ts *Tables) get(name string) (*tableState, error) {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	if t, ok := ts.byName[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
}

// A Description is what DescribeTable tells of a table.
type Description struct {
	Name       string
	ARN        string
	TableID    string
	Schema     item.KeySchema
	Created    time.Time
	Billing    Billing
	Throughput Throughput
	Protected  bool
	Items      int64
	Bytes      int64 // sum of the items' sizes
	Stream     *stream.Stream
	StreamARN  string // of the latest stream, enabled or not
	Indexes    []IndexDescription
	Class      string            // table class; empty unless it was given
	Tags       map[string]string // the caller must not change it
	History    ThroughputHistory // its Decreases are those of today
	// OnDemandSince is when the table last became one on demand; zero if it never was.
	OnDemandSince time.Time
}

// An IndexDescription is what DescribeTable tells of a secondary index.
type IndexDescription struct {
	IndexSpec
	Backfilling bool  // items that are older than the index are still being added
	Entries     int64 // items that it holds
	Bytes       int64 // sum of their projected sizes
	History     ThroughputHistory
}

// Describe returns the description of a table. Errors: ErrNotFound.
func (ts *Tables) Describe(name string) (Description, error) {
	t, err := ts.get(name)
	if err != nil {
		return Description{}, err
	}
	t.writes.RLock()
	defer t.writes.RUnlock()
	return t.describe(), nil
}

// describe returns the description. A table on demand and its indexes have no
// throughput, whatever they had before. The caller holds t.writes.
func (t *tableState) describe() Description {
	items, bytes := t.count.read()
	now := t.ts.opts.Now()
	d := Description{
		Name: t.name, ARN: t.ts.ARN(t.name), TableID: t.d.TableID, Schema: t.schema, Created: t.d.Created,
		Billing: t.d.Billing, Throughput: t.d.Throughput, Protected: t.d.Protected,
		Items: items, Bytes: bytes, Stream: t.stream, StreamARN: t.d.StreamARN, Class: t.d.Class, Tags: t.d.Tags,
		History: t.d.History.on(now), OnDemandSince: t.d.OnDemandSince,
	}
	onDemand := d.Billing == PayPerRequest
	if onDemand {
		d.Throughput = Throughput{}
		if d.OnDemandSince.IsZero() {
			d.OnDemandSince = d.Created
		}
	}
	for _, x := range t.indexes {
		if x.expiry {
			continue
		}
		entries, size := x.count.read()
		of := IndexDescription{x.d.IndexSpec, x.d.Fill, entries, size, x.d.History.on(now)}
		if onDemand {
			of.Throughput = Throughput{}
		}
		d.Indexes = append(d.Indexes, of)
	}
	return d
}

// ARN returns the ARN of a table of that name.
func (ts *Tables) ARN(name string) string {
	return local.ARN("dynamodb", ts.opts.Region, ts.opts.Account, "table/"+name)
}

// List returns up to limit table names in order, from the first that is greater
// than after. more says that there are further ones.
func (ts *Tables) List(after string, limit int) (names []string, more bool) {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	for name := range ts.byName {
		if name > after {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, strings.Compare)
	if len(names) > limit {
		return names[:limit], true
	}
	return names, false
}
