package stream

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// Options configure Streams. The zero value works.
type Options struct {
	// Account and Region appear in ARNs. The defaults are 000000000000 and
	// us-east-1.
	Account, Region string
	// Shards is how many shards a new stream has. The default is what its Spec says.
	Shards int
	// Retention is how long records are kept. The default is 24 hours.
	Retention time.Duration
	// Unread returns the position up to which the consumers of a table's streams
	// have read. Records above it are kept, however old they are. The default
	// keeps none.
	Unread func(table string) uint64
	// Rotate is how long a shard that has records stays open before a child takes
	// its place. The default is 4 hours.
	Rotate time.Duration
	// SplitAbove is the records a second, on average over a minute, above which a
	// shard is split in two, up to MaxOpenShards. The default is 2,000.
	SplitAbove int
	// Now is the wall clock by which records age. The default is time.Now.
	Now func() time.Time
	// Logger receives failures to trim and to rotate. The default discards them.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Account = cmp.Or(o.Account, local.Account)
	o.Region = cmp.Or(o.Region, local.Region)
	o.Retention = cmp.Or(o.Retention, 24*time.Hour)
	o.Rotate = cmp.Or(o.Rotate, 4*time.Hour)
	o.SplitAbove = cmp.Or(o.SplitAbove, 2000)
	if o.Unread == nil {
		o.Unread = func(string) uint64 { return math.MaxUint64 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Streams is the catalogue of all streams of a store. Its methods may be called
// from any goroutine.
type Streams struct {
	store *kv.Store
	opts  Options

	mu    sync.RWMutex
	byID  map[uint64]*Stream // guarded by mu
	next  uint64             // next stream id; guarded by mu
	added chan struct{}      // closed when a stream is added to byID; guarded by mu
}

// Open reads the catalogue.
func Open(store *kv.Store, o Options) (*Streams, error) {
	s := &Streams{store: store, opts: o.withDefaults(), byID: map[uint64]*Stream{}, next: 1, added: make(chan struct{})}
	it := store.Scan(kv.Prefix(kv.NewKey('s')))
	for it.Next() {
		if err := s.load(it.Key(), it.Value()); err != nil {
			it.Close()
			return nil, err
		}
	}
	return s, it.Close()
}

// load adds one entry of the catalogue.
func (s *Streams) load(key, value []byte) error {
	id := kv.ReadKey(key).Uint64()
	if id == 0 {
		r := wire.NewReader(value)
		if s.next = r.Uint64(); !r.Done() {
			return fmt.Errorf("stream: %w: the next id has %d bytes", kv.ErrCorrupt, len(value))
		}
		return nil
	}
	var d descriptor
	if err := kv.Unmarshal(value, &d); err != nil {
		return fmt.Errorf("stream: descriptor %d: %w", id, err)
	}
	st := s.newStream(d)
	for _, sh := range st.d.Shards {
		last, err := st.lastOf(sh.Number)
		if err != nil {
			return err
		}
		st.addTail(sh).last.Store(last)
		st.published.Store(max(st.published.Load(), last))
	}
	s.byID[id] = st
	return nil
}

func (s *Streams) newStream(d descriptor) *Stream {
	resource := "table/" + d.Table + "/stream/" + d.Label
	return &Stream{s: s, d: d, arn: local.ARN("dynamodb", s.opts.Region, s.opts.Account, resource), wake: make(chan struct{})}
}

// lastOf returns the number of the newest record of a shard; 0 if there is none.
func (st *Stream) lastOf(number uint32) (uint64, error) {
	r := kv.Prefix(recordKey(st.d.ID, number))
	r.Reverse = true
	it := st.s.store.Scan(r)
	var last uint64
	if it.Next() {
		last = seqOf(it.Key())
	}
	return last, it.Close()
}

func catalogueKey(id uint64) kv.Key { return kv.NewKey('s').Uint64(id) }

func recordKey(id uint64, shard uint32) kv.Key {
	return kv.NewKey('r').Uint64(id).Uint64(uint64(shard))
}

// seqOf returns the sequence number in a record's key.
func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// A Spec describes a new stream.
type Spec struct {
	Table  string
	Schema item.KeySchema
	View   View
	At     time.Time
	// Shards is how many shards the stream has unless Options say so, at most
	// MaxOpenShards. The default is 4.
	Shards int
}

// Create adds a stream to the batch b. Get, List and OfTable find it once b is
// applied.
func (s *Streams) Create(b *kv.Batch, spec Spec) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := spec.At.UTC().Truncate(time.Millisecond)
	for s.labelTaken(spec.Table, label(at)) {
		at = at.Add(time.Millisecond)
	}
	st := s.newStream(descriptor{
		ID: s.next, Table: spec.Table, Label: label(at), View: spec.View, Schema: spec.Schema, Created: at,
	})
	s.next++
	shards := min(cmp.Or(s.opts.Shards, spec.Shards, 4), MaxOpenShards)
	for n, start := range evenStartHashes(shards) {
		sh := Shard{Number: uint32(n), ID: shardID(at, st.d.ID, uint32(n)), StartHash: start, At: at}
		st.d.Shards = append(st.d.Shards, sh)
		st.addTail(sh)
	}
	next := binary.BigEndian.AppendUint64(nil, s.next)
	// Inside the commit: the shards begin at its number, below the first record,
	// and no reader finds a stream whose batch was refused. An id whose batch was
	// refused is not given again while the process lives.
	b.Number(1, func(first uint64) {
		for i := range st.d.Shards {
			st.d.Shards[i].First = first
		}
		b.Set(catalogueKey(0), next)
		b.Set(catalogueKey(st.d.ID), st.d.encode())
		s.mu.Lock()
		s.byID[st.d.ID] = st
		close(s.added)
		s.added = make(chan struct{})
		s.mu.Unlock()
	})
	return st
}

// Added returns a channel that is closed when another stream is created, of any
// table.
func (s *Streams) Added() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.added
}

// label writes the creation time as stream labels have it.
func label(at time.Time) string { return at.Format("2006-01-02T15:04:05.000") }

func (s *Streams) labelTaken(table, label string) bool {
	for _, st := range s.byID {
		if st.d.Table == table && st.d.Label == label {
			return true
		}
	}
	return false
}

// Get returns the stream of that ARN, or ErrNotFound.
func (s *Streams) Get(arn string) (*Stream, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.byID {
		if st.ARN() == arn {
			return st, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, arn)
}

// Former returns the stream of a table with that label. If it was removed, it
// returns a stand-in without records that has the same ARN, Table and Label, for
// those who still hold records of it.
func (s *Streams) Former(table, label string) *Stream {
	for _, st := range s.OfTable(table) {
		if st.d.Label == label {
			return st
		}
	}
	return s.newStream(descriptor{Table: table, Label: label})
}

// OfTable returns the streams of a table, oldest first: at most the last of
// them is enabled.
func (s *Streams) OfTable(table string) []*Stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Stream
	for _, st := range s.byID {
		if st.d.Table == table {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b *Stream) int { return int(int64(a.d.ID) - int64(b.d.ID)) })
	return out
}

// List returns up to limit streams in order of their ARNs, from the first that
// is greater than after. An empty table means all tables. more says that there
// are further ones.
func (s *Streams) List(table, after string, limit int) (out []*Stream, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.byID {
		if (table == "" || st.d.Table == table) && st.ARN() > after {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b *Stream) int { return strings.Compare(a.ARN(), b.ARN()) })
	if len(out) > limit {
		return out[:limit], true
	}
	return out, false
}
