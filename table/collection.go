package table

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// maxCollectionBytes is how many bytes an item collection may take: the items of
// one partition key and their entries in local indexes.
const maxCollectionBytes = 10 << 30

// ErrCollectionFull says that a write would let an item collection grow beyond
// maxCollectionBytes.
var ErrCollectionFull = errors.New("table: item collection too large")

// A Collection is an item collection: the items of one partition key of a table
// with local indexes.
type Collection struct {
	Table     string
	Partition item.Item // the partition key attribute
	Bytes     int64     // of the items and their entries in local indexes
}

// hasLocal reports whether the sizes of item collections are kept. It never
// changes.
func (t *tableState) hasLocal() bool { return t.local }

func (t *tableState) collectionKey(key item.Item) []byte {
	return kv.NewKey('t').Uint64(3).Uint64(t.id).Raw(t.partition(key))
}

// addCollections adds the sizes of the changed item collections to the batch.
func (ts *Tables) addCollections(b *kv.Batch, writes []*write) error {
	var totals map[string]int64
	for _, w := range writes {
		if !w.table.hasLocal() {
			continue
		}
		key := w.table.collectionKey(w.key)
		total, ok := totals[string(key)]
		if !ok {
			var err error
			if total, err = readCollection(ts.store, key); err != nil {
				return err
			}
		}
		growth := w.collectionGrowth()
		total += growth
		if growth > 0 && total > ts.maxCollection {
			w.err = fmt.Errorf("%w: table %s", ErrCollectionFull, w.table.name)
			return w.err
		}
		if totals == nil {
			totals = map[string]int64{}
		}
		totals[string(key)] = total
		b.Set(key, binary.BigEndian.AppendUint64(nil, uint64(total)))
		partition, _ := w.key.Get(w.table.schema.Hash.Name)
		w.collection = &Collection{w.table.name, item.MapOf(item.Field{Name: w.table.schema.Hash.Name, Value: partition}), total}
	}
	return nil
}

// collectionGrowth returns by how many bytes the write makes its item collection
// grow.
func (w *write) collectionGrowth() int64 {
	if !w.changed {
		return 0
	}
	n := w.bytes()
	for _, c := range w.indexes {
		if c.index.d.Local {
			n += int64(c.now) - int64(c.before)
		}
	}
	return n
}

func readCollection(r kv.Reader, key []byte) (n int64, err error) {
	err = r.View(key, func(v []byte) error {
		r := wire.NewReader(v)
		n = int64(r.Uint64())
		return whole(&r, key)
	})
	if isNotFound(err) {
		return 0, nil
	}
	return n, err
}
