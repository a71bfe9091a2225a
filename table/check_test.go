package table_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// check returns what is wrong with the tables, one fault a line.
func check(f fixture) string {
	r := &fsck.Report{}
	snapshot := f.store.Snapshot()
	defer snapshot.Close()
	last, err := snapshot.Seq()
	if err != nil {
		return err.Error()
	}
	table.Check(snapshot, stream.Check(snapshot, last, r), r)
	some, _ := r.Faults()
	var lines []string
	for _, fault := range some {
		lines = append(lines, fault.String())
	}
	return strings.Join(lines, "\n")
}

// ordersOf returns a store with a table of every kind of index and some items.
func ordersOf(t *testing.T) fixture {
	t.Helper()
	f := open(t)
	spec := withPlaces()
	spec.TTL = "until"
	if _, err := f.tables.Create(spec); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		row := it(t, `{"pk":{"S":"p%d"},"sk":{"N":"%d"},"owner":{"S":"ann"},"total":{"N":"%d"},"state":{"S":"new"},"note":{"S":"n"},"place":{"S":"x"},"until":{"N":"4000000000"}}`, i/3, i, i)
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// The ids of the table of ordersOf and its indexes, in the order of the spec.
const (
	ordersID = 1 + iota
	byOwnerID
	byStateID
	byTotalID
	byPlaceID
	untilID
)

// nth returns the n-th key under a prefix with its value.
func nth(t *testing.T, f fixture, prefix kv.Key, n int) (key, value []byte) {
	t.Helper()
	it := f.store.Scan(kv.Prefix(prefix))
	for ; n >= 0 && it.Next(); n-- {
		key, value = append([]byte{}, it.Key()...), append([]byte{}, it.Value()...)
	}
	if err := it.Close(); err != nil || n >= 0 {
		t.Fatalf("no such key: %v", err)
	}
	return key, value
}

// recordWith returns the key of the n-th newest of the change records whose keys
// or images have a text.
func recordWith(t *testing.T, f fixture, text string, n int) (key []byte) {
	t.Helper()
	var all [][]byte
	it := f.store.Scan(kv.Prefix(kv.NewKey('r')))
	for it.Next() {
		if bytes.Contains(it.Value(), []byte(text)) {
			all = append(all, bytes.Clone(it.Key()))
		}
	}
	if err := it.Close(); err != nil || n > len(all) {
		t.Fatal(len(all), err)
	}
	slices.SortFunc(all, func(a, b []byte) int { return bytes.Compare(b[len(b)-8:], a[len(a)-8:]) })
	return all[n]
}

func under(id uint64) kv.Key   { return kv.NewKey('i').Uint64(id) }
func countOf(id uint64) kv.Key { return kv.NewKey('t').Uint64(2).Uint64(id) }

// Each kind of inconsistency is named, with its table, index and key, and repaired
// where it can be made again from the items.
func TestCheckNamesWhatIsPlanted(t *testing.T) {
	for _, c := range []struct {
		name     string
		plant    func(t *testing.T, f fixture, b *kv.Batch)
		want     string
		repaired bool
	}{
		{"missing entry", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(byOwnerID), 2)
			b.Delete(key)
		}, "table orders, index byOwner: key 6900", true},
		{"missing entry of the time to live", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(untilID), 0)
			b.Delete(key)
		}, "table orders, time to live: key 6900", true},
		{"extra entry", func(t *testing.T, f fixture, b *kv.Batch) {
			key, value := nth(t, f, under(byStateID), 0)
			b.Set(append(key, key[len(key)-4:]...), value)
		}, "there is no item for the entry", true},
		{"entry of an item that has another", func(t *testing.T, f fixture, b *kv.Batch) {
			key, value := nth(t, f, under(byOwnerID), 2)
			own, _ := nth(t, f, under(ordersID), 2)
			other, _ := nth(t, f, under(ordersID), 1)
			b.Set(append(key[:len(key)-len(own)+9:len(key)-len(own)+9], other[9:]...), value)
		}, "has no such entry", true},
		{"missing entry of many attributes", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(byPlaceID), 3)
			b.Delete(key)
		}, "table orders, index byPlace: key 6900", true},
		{"entry without the last of many attributes", func(t *testing.T, f fixture, b *kv.Batch) {
			key, value := nth(t, f, under(byPlaceID), 3)
			own, _ := nth(t, f, under(ordersID), 3)
			b.Set(append(key[:len(key)-len(own)+9-len("new\x00\x01")], own[9:]...), value)
		}, "table orders, index byPlace: key 6900", true},
		{"malformed entry", func(_ *testing.T, _ fixture, b *kv.Batch) { b.Set(under(byStateID).Raw([]byte{9}), nil) }, "the key is malformed", true},
		{"different entry", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(byTotalID), 0)
			_, other := nth(t, f, under(byTotalID), 1)
			b.Set(key, other)
		}, "table orders, index byTotal: key 6900", true},
		{"number of items", func(_ *testing.T, _ fixture, b *kv.Batch) {
			b.Set(countOf(ordersID), binary.BigEndian.AppendUint64(make([]byte, 8), 5))
		}, "table orders: key 7400000000000000020000000000000001: the counter says 0 with 5 bytes, and there are 6", true},
		{"number of entries", func(_ *testing.T, _ fixture, b *kv.Batch) { b.Delete(countOf(byOwnerID)) }, "table orders, index byOwner: key 74", true},
		{"short counter", func(_ *testing.T, _ fixture, b *kv.Batch) { b.Set(countOf(untilID), []byte{1}) }, "table orders, time to live: key 74", true},
		{"size of a collection", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, kv.NewKey('t').Uint64(3).Uint64(ordersID), 1)
			b.Set(key, binary.BigEndian.AppendUint64(nil, 7))
		}, "the item collection is said to have 7 bytes", true},
		{"collection without items", func(_ *testing.T, _ fixture, b *kv.Batch) {
			b.Set(kv.NewKey('t').Uint64(3).Uint64(ordersID).String("x"), binary.BigEndian.AppendUint64(nil, 7))
		}, "and has no items", true},
		{"unreadable item", func(t *testing.T, f fixture, b *kv.Batch) {
			key, value := nth(t, f, under(ordersID), 3)
			b.Set(key, value[:len(value)-1])
		}, "the item cannot be read", false},
		{"item under the key of another", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(ordersID), 3)
			_, other := nth(t, f, under(ordersID), 4)
			b.Set(key, other)
		}, "the item is under the key of another", false},
		{"descriptor", func(_ *testing.T, _ fixture, b *kv.Batch) {
			b.Set(kv.NewKey('t').Uint64(1).String("orders"), []byte("{"))
		}, "the descriptor cannot be read", false},
		{"items of no table", func(_ *testing.T, _ fixture, b *kv.Batch) { b.Set(under(77).String("k"), nil) }, "no table or index has the id 77", false},
		{"next id", func(_ *testing.T, _ fixture, b *kv.Batch) {
			b.Set(kv.NewKey('t').Uint64(0), binary.BigEndian.AppendUint64(nil, 3))
		}, "the next id is 3", false},
		{"record that is missing between two", func(t *testing.T, f fixture, b *kv.Batch) {
			if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "orders", Key: it(t, `{"pk":{"S":"p0"},"sk":{"N":"0"}}`)}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				row := it(t, `{"pk":{"S":"p0"},"sk":{"N":"0"}}`)
				if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row.With("v", item.NumOf(int64(f.store.Applied())).Value())}); err != nil {
					t.Fatal(err)
				}
			}
			b.Delete(recordWith(t, f, "p0", 2))
		}, "record is missing before it", false},
		{"record that is missing at the end", func(t *testing.T, f fixture, b *kv.Batch) {
			if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "orders", Key: it(t, `{"pk":{"S":"p0"},"sk":{"N":"0"}}`)}); err != nil {
				t.Fatal(err)
			}
			b.Delete(recordWith(t, f, "p0", 0))
		}, "says that the item is there, and it is not", false},
		{"change without a record", func(t *testing.T, f fixture, b *kv.Batch) {
			key, _ := nth(t, f, under(ordersID), 0)
			b.Delete(key)
		}, "says that the item is there, and it is not", false},
		{"token", func(_ *testing.T, _ fixture, b *kv.Batch) {
			b.Set(kv.NewKey('t').Uint64(5).String("tok"), make([]byte, 40))
		}, "not listed to be forgotten", false},
	} {
		f := ordersOf(t)
		if faults := check(f); faults != "" {
			t.Fatalf("before: %s", faults)
		}
		b := f.store.NewBatch()
		c.plant(t, f, b)
		if _, err := f.store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if faults := check(f); !strings.Contains(faults, c.want) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, faults)
		}
		r := &fsck.Report{}
		if err := table.Repair(t.Context(), f.store, r); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if faults := check(f); c.repaired && (faults != "" || len(r.Notes()) == 0) {
			t.Errorf("%s: after the repair, of which %q is told: %s", c.name, r.Notes(), faults)
		}
	}
}

// A repair that was interrupted goes on when it is started again.
func TestRepairInterrupted(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(orders); err != nil {
		t.Fatal(err)
	}
	for i := range 2500 {
		row := it(t, `{"pk":{"S":"p%d"},"sk":{"N":"1"},"state":{"S":"new"}}`, i)
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	b := f.store.NewBatch()
	gone := kv.Prefix(under(byStateID))
	b.DeleteRange(gone.Lower, gone.Upper)
	if _, err := f.store.Commit(b); err != nil {
		t.Fatal(err)
	}
	before := f.store.Applied()
	if err := table.Repair(&endsAfter{Context: t.Context(), left: 1}, f.store, &fsck.Report{}); !errors.Is(err, context.Canceled) || f.store.Applied() != before+1 {
		t.Errorf("interrupted: %v, %d commits", err, f.store.Applied()-before)
	}
	r := &fsck.Report{}
	if err := table.Repair(t.Context(), f.store, r); err != nil {
		t.Fatal(err)
	}
	if faults := check(f); faults != "" || fmt.Sprint(r.Notes()) != "[Repaired: table orders, index byState: 1500 entries or counters.]" {
		t.Errorf("%s; %s", r.Notes(), faults)
	}
}

// endsAfter is a context that is cancelled once Err was asked some times.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}
