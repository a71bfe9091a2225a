package table

import (
	"bytes"
	"context"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// pageBytes is how many bytes of items one page reads.
const pageBytes = 1 << 20

// passedCheck is after how many keys of other segments a reader looks whether its
// client is still there.
const passedCheck = 1 << 12

// A Page is the result of one Query or Scan.
type Page struct {
	Items   []item.Item // those that satisfy the filter, with all attributes
	Scanned int         // how many were read
	Bytes   int         // sum of the sizes of those that were read
	Fetched Fetched     // what it took to fetch them from the table for a local index
	Last    item.Item   // the key to go on after; nil at the end
	Seq     uint64      // the last commit that the page shows, if the scan asked WithSeq
}

// Fetched tells of items that were read from the table, as a local index does not
// hold all that was asked for. It is zero if none was.
type Fetched struct {
	EntryBytes int     // sum of the sizes of their entries in the index
	Units      float64 // of strongly consistent reads of the items, one by one
}

// A QueryRequest reads the items of one partition key in order of the sort
// key.
type QueryRequest struct {
	Table     string
	Index     string // empty: the table itself
	Condition *expr.KeyCondition
	Filter    *expr.Condition // nil: all
	Limit     int             // of items read; 0: no limit
	Start     item.Item       // the key to start after; nil: the beginning
	Backward  bool
	Fetch     bool // read from the table what a local index does not hold
	// Hold is called with the size of each item before the page keeps it, and ends
	// the reading with its error. It may be nil.
	Hold func(bytes int) error
}

// Query reads a page. Errors: see the package comment; also *expr.Error.
func (ts *Tables) Query(ctx context.Context, r QueryRequest) (Page, error) {
	s, err := ts.source(r.Table, r.Index)
	if err != nil {
		return Page{}, err
	}
	if err := s.checkStartHash(r.Start); err != nil {
		return Page{}, err
	}
	keys, err := r.Condition.Resolve(s.schema)
	if err != nil {
		return Page{}, err
	}
	if err := s.checkStartSort(r.Start); err != nil {
		return Page{}, err
	}
	rng := s.queryRange(keys)
	rng.Reverse = r.Backward
	if r.Start != nil {
		if rng, err = s.resume(rng, keys, r.Start); err != nil {
			return Page{}, err
		}
	}
	if err := s.checkFilter(r.Filter); err != nil {
		return Page{}, err
	}
	return s.page(ctx, rng, reading{filter: r.Filter, limit: r.Limit, fetch: r.Fetch, hold: r.Hold})
}

// A source is what a query or scan reads: a table, or an index of it.
type source struct {
	t      *tableState
	x      *index // nil: the table itself
	id     uint64
	schema item.KeySchema
}

// source returns the table of that name, or its index if that has a name.
func (ts *Tables) source(name, indexName string) (*source, error) {
	t, err := ts.get(name)
	if err != nil {
		return nil, err
	}
	if indexName == "" {
		return &source{t: t, id: t.id, schema: t.schema}, nil
	}
	t.writes.RLock()
	defer t.writes.RUnlock()
	x, err := t.index(indexName)
	if err != nil {
		return nil, err
	}
	if x.d.Fill {
		return nil, invalid("Cannot read from backfilling global secondary index: %s", indexName)
	}
	return &source{t: t, x: x, id: x.d.ID, schema: x.d.Schema}, nil
}

// key returns the stored key of a start key, which was checked.
func (s *source) key(start item.Item) []byte {
	own := s.t.itemKey(start)
	if s.x == nil {
		return own
	}
	return s.x.key(start, own)
}

// keyOf returns the attributes that a start key of the source has.
func (s *source) keyOf(row item.Item) item.Item {
	key := s.t.schema.Project(row)
	if s.x != nil {
		for _, f := range s.schema.Project(row) {
			key = key.With(f.Name, f.Value)
		}
	}
	return key
}

// checkFilter refuses a filter on a key attribute.
func (s *source) checkFilter(f *expr.Condition) error {
	if f == nil {
		return nil
	}
	for _, name := range f.Roots() {
		for _, a := range s.schema.Attrs() {
			if a.Name == name {
				return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
			}
		}
	}
	return s.t.checkPaths(f.Nested())
}

// queryRange returns the stored keys that a key condition selects.
func (s *source) queryRange(k expr.KeyRange) kv.Range {
	equal := []byte(itemsPrefix(s.id))
	for _, v := range k.Equal {
		equal = item.AppendKey(equal, v)
	}
	sort := func(v item.Value) []byte { return item.AppendKey(bytes.Clone(equal), v) }
	r := kv.Prefix(equal)
	switch k.Op {
	case "=":
		r = kv.Prefix(sort(k.Low))
	case "<":
		r.Upper = sort(k.Low)
	case "<=":
		r.Upper = tuple.PrefixEnd(sort(k.Low))
	case ">":
		r.Lower = tuple.PrefixEnd(sort(k.Low))
	case ">=":
		r.Lower = sort(k.Low)
	case "BETWEEN":
		r.Lower, r.Upper = sort(k.Low), tuple.PrefixEnd(sort(k.High))
	case "begins_with":
		full := sort(k.Low)
		r = kv.Prefix(full[:len(full)-2]) // without the terminator
	}
	return r
}

// inside reports whether a stored key is in the range.
func inside(r kv.Range, key []byte) bool {
	return bytes.Compare(key, r.Lower) >= 0 && (r.Upper == nil || bytes.Compare(key, r.Upper) < 0)
}

// after returns the part of the range that follows the key in its direction.
func after(r kv.Range, key []byte) kv.Range {
	if r.Reverse {
		r.Upper = key
	} else {
		r.Lower = append(bytes.Clone(key), 0)
	}
	return r
}

// A ScanRequest reads all items of a table or an index, or one segment of them, in the
// order of their stored keys. Reading a segment passes over the keys of the others.
type ScanRequest struct {
	Table                  string
	Index                  string          // empty: the table itself
	Filter                 *expr.Condition // nil: all
	Limit                  int             // of items read; 0: no limit
	Start                  item.Item       // the key to start after; nil: the beginning
	Segment, TotalSegments int             // segment of TotalSegments; TotalSegments 0: the whole table
	Fetch                  bool            // read from the table what a local index does not hold
	WithSeq                bool            // return the number of the last commit that the page shows
	// Hold is called with the size of each item before the page keeps it, and ends
	// the reading with its error. It may be nil.
	Hold func(bytes int) error
}

// Scan reads a page. Errors: see the package comment.
func (ts *Tables) Scan(ctx context.Context, r ScanRequest) (Page, error) {
	s, err := ts.source(r.Table, r.Index)
	if err != nil {
		return Page{}, err
	}
	rng := kv.Prefix(itemsPrefix(s.id))
	part := segment{r.Segment, r.TotalSegments}
	if r.Start != nil {
		start, err := s.checkScanStart(r.Start)
		if err != nil {
			return Page{}, err
		}
		if !part.has(start) {
			return Page{}, invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d", r.TotalSegments, r.Segment)
		}
		rng = after(rng, start)
	}
	if err := s.t.checkPaths(r.Filter.Nested()); err != nil {
		return Page{}, err
	}
	return s.page(ctx, rng, reading{segment: part, filter: r.Filter, limit: r.Limit, fetch: r.Fetch, seq: r.WithSeq, hold: r.Hold})
}

// A segment is one of total parts of the keys of a source. The zero segment has all
// keys.
type segment struct{ index, total int }

// has reports whether a stored key is in the segment. A hash of the key alone decides:
// whatever the keys look like, each segment has about as many of them, and neither
// writes nor a restart between two pages move a key to another segment.
func (g segment) has(key []byte) bool {
	if g.total <= 1 {
		return true
	}
	i, _ := bits.Mul64(xxhash.Sum64(key[prefixLength:]), uint64(g.total))
	return i == uint64(g.index)
}

// next moves to the next key of the segment and reports whether there is one. It also
// ends, on its way over the keys of other segments, once ctx has ended.
func (g segment) next(ctx context.Context, it *kv.Iter) bool {
	for passed := 1; it.Next(); passed++ {
		if g.has(it.Key()) {
			return true
		}
		if passed%passedCheck == 0 && ctx.Err() != nil {
			return false
		}
	}
	return false
}

// A reading says how a range is read.
type reading struct {
	segment segment // the keys that are read; the others are passed over
	filter  *expr.Condition
	limit   int
	fetch   bool // from the table what the index does not hold
	seq     bool // return the last commit that the page shows
	hold    func(bytes int) error
}

// page reads items of a range until it has limit of them, or pageBytes, or the
// range ends. All that it reads is of one moment, and durable when it returns.
func (s *source) page(ctx context.Context, rng kv.Range, r reading) (Page, error) {
	ts := s.t.ts
	var from kv.Reader = ts.store
	fetch := r.fetch && s.x != nil && s.x.held != nil
	var p Page
	if fetch || r.seq {
		snapshot := ts.store.Snapshot()
		defer snapshot.Close()
		from = snapshot
		var err error
		if p.Seq, err = snapshot.Seq(); err != nil {
			return Page{}, err
		}
	}
	it := from.Scan(rng)
	// Asked after the iterator or snapshot was made: whatever it shows was applied
	// by now. The wait at the end makes sure that no reader is told of a write that
	// a power loss undoes (P2).
	seen := ts.store.Applied()
	for r.segment.next(ctx, it) {
		row, err := item.DecodeBinary(it.Value())
		if err == nil && fetch {
			p.Fetched.EntryBytes += item.Size(row)
			row, err = readItem(from, s.t.itemKey(row))
			p.Fetched.Units += ReadUnits(item.Size(row), true)
		}
		if err != nil {
			it.Close()
			return Page{}, err
		}
		p.Scanned++
		size := item.Size(row)
		p.Bytes += size
		if r.filter.Match(row) {
			if r.hold != nil {
				if err := r.hold(size); err != nil {
					it.Close()
					return Page{}, err
				}
			}
			p.Items = append(p.Items, row)
		}
		if p.Scanned == r.limit || p.Bytes >= pageBytes {
			p.Last = s.keyOf(row)
			break
		}
	}
	if err := it.Close(); err != nil {
		return Page{}, err
	}
	// The loop may have ended before the segment did.
	if r.segment.total > 1 && p.Last == nil && ctx.Err() != nil {
		return Page{}, ctx.Err()
	}
	return p, ts.store.WaitDurable(ctx, seen)
}
