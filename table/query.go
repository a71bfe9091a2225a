package table

import (
	"bytes"
	"context"
	"errors"
	"math/bits"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// pageBytes is how many bytes of items one page reads.
const pageBytes = 1 << 20

// A Page is what one Query or Scan read.
type Page struct {
	Items   []item.Item // those that the filter let through, unprojected
	Scanned int         // how many were read
	Bytes   int         // sum of the sizes of those that were read
	Last    item.Item   // the key to go on after; nil at the end
}

// A QueryRequest reads the items of one partition key in order of the sort
// key.
type QueryRequest struct {
	Table     string
	Condition *expr.KeyCondition
	Filter    *expr.Condition // nil: all
	Limit     int             // of items read; 0: no limit
	Start     item.Item       // the key to start after; nil: the beginning
	Backward  bool
}

// Query reads a page. Errors: see the package comment; also *expr.Error.
func (ts *Tables) Query(ctx context.Context, r QueryRequest) (Page, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return Page{}, err
	}
	keys, err := r.Condition.Resolve(t.schema)
	if err != nil {
		return Page{}, err
	}
	if err := t.checkFilter(r.Filter); err != nil {
		return Page{}, err
	}
	rng := t.queryRange(keys)
	rng.Reverse = r.Backward
	if r.Start != nil {
		if err := t.checkStart(r.Start); err != nil {
			return Page{}, err
		}
		start := t.itemKey(r.Start)
		if !inside(rng, start) {
			return Page{}, invalid("The provided starting key is outside query boundaries based on provided conditions")
		}
		rng = after(rng, start)
	}
	return t.page(ctx, rng, r.Filter, r.Limit)
}

// checkFilter refuses a filter on a key attribute.
func (t *Table) checkFilter(f *expr.Condition) error {
	if f == nil {
		return nil
	}
	for _, name := range f.Roots() {
		for _, a := range t.schema.Attrs() {
			if a.Name == name {
				return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", name)
			}
		}
	}
	return nil
}

func (t *Table) checkStart(start item.Item) error {
	var bad *ValidationError
	if err := t.checkKey(start); errors.As(err, &bad) {
		return invalid("The provided starting key is invalid: %s", bad.Msg)
	}
	return nil
}

// queryRange returns the stored keys that a key condition selects.
func (t *Table) queryRange(k expr.KeyRange) kv.Range {
	partition := item.AppendKey(itemsPrefix(t.id), k.Partition)
	sort := func(v item.Value) []byte { return item.AppendKey(bytes.Clone(partition), v) }
	r := kv.Prefix(partition)
	switch k.Op {
	case "=":
		r = kv.Prefix(sort(k.Low))
	case "<":
		r.Upper = sort(k.Low)
	case "<=":
		r.Upper = kv.PrefixEnd(sort(k.Low))
	case ">":
		r.Lower = kv.PrefixEnd(sort(k.Low))
	case ">=":
		r.Lower = sort(k.Low)
	case "BETWEEN":
		r.Lower, r.Upper = sort(k.Low), kv.PrefixEnd(sort(k.High))
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

// A ScanRequest reads a table in the order of its stored keys.
type ScanRequest struct {
	Table           string
	Filter          *expr.Condition // nil: all
	Limit           int             // of items read; 0: no limit
	Start           item.Item       // the key to start after; nil: the beginning
	Segment, Totals int             // segment of Totals; Totals 0: the whole table
}

// Scan reads a page. Errors: see the package comment.
func (ts *Tables) Scan(ctx context.Context, r ScanRequest) (Page, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return Page{}, err
	}
	rng := kv.Prefix(itemsPrefix(t.id))
	if r.Totals > 1 {
		rng = segment(rng.Lower, r.Segment, r.Totals)
	}
	if r.Start != nil {
		if err := t.checkStart(r.Start); err != nil {
			return Page{}, err
		}
		start := t.itemKey(r.Start)
		if !inside(rng, start) {
			return Page{}, invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d", r.Totals, r.Segment)
		}
		rng = after(rng, start)
	}
	return t.page(ctx, rng, r.Filter, r.Limit)
}

// segment divides the keys below prefix into total ranges by the four bytes
// that follow it, and returns the one at index i.
func segment(prefix []byte, i, total int) kv.Range {
	bound := func(i int) []byte {
		hi, lo := bits.Mul64(uint64(i), 1<<32)
		q, _ := bits.Div64(hi, lo, uint64(total))
		return append(bytes.Clone(prefix), byte(q>>24), byte(q>>16), byte(q>>8), byte(q))
	}
	r := kv.Prefix(prefix)
	if i > 0 {
		r.Lower = bound(i)
	}
	if i < total-1 {
		r.Upper = bound(i + 1)
	}
	return r
}

// page reads items of a range until it has limit of them, or pageBytes, or the
// range ends.
func (t *Table) page(ctx context.Context, rng kv.Range, filter *expr.Condition, limit int) (Page, error) {
	it := t.ts.store.Scan(rng)
	seen := t.ts.store.Applied() // what the iterator sees was applied by now
	var p Page
	for it.Next() {
		row, err := item.DecodeBinary(it.Value())
		if err != nil {
			it.Close()
			return Page{}, err
		}
		p.Scanned++
		p.Bytes += item.Size(row)
		if filter.Match(row) {
			p.Items = append(p.Items, row)
		}
		if p.Scanned == limit || p.Bytes >= pageBytes {
			p.Last = t.schema.Project(row)
			break
		}
	}
	if err := it.Close(); err != nil {
		return Page{}, err
	}
	return p, t.ts.store.WaitDurable(ctx, seen)
}
