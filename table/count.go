package table

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/kv"
)

// A counter is the number and the bytes of the items of a table, or of the
// entries of an index. It changes inside commits only, which run one after
// another, so that the stored value and the one in memory never part.
type counter struct {
	key []byte

	mu           sync.Mutex
	items, bytes int64 // guarded by mu
}

func newCounter(id uint64) *counter { return &counter{key: countKey(id)} }

func (c *counter) read() (items, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.items, c.bytes
}

// add changes the value in memory. It runs inside a commit; set then adds the new
// value to its batch.
func (c *counter) add(items, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items += items
	c.bytes += bytes
}

func (c *counter) set(b *kv.Batch) {
	items, bytes := c.read()
	v := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(items))
	b.Set(c.key, binary.BigEndian.AppendUint64(v, uint64(bytes)))
}

// whole returns an error that names the key unless all of its value was read.
func whole(r *wire.Reader, key []byte) error {
	if !r.Done() {
		return fmt.Errorf("table: %w: the numbers under the key %x", kv.ErrCorrupt, key)
	}
	return nil
}

// load reads what was stored.
func (c *counter) load(r kv.Reader) error {
	err := r.View(c.key, func(v []byte) error {
		r := wire.NewReader(v)
		c.items, c.bytes = int64(r.Uint64()), int64(r.Uint64())
		return whole(&r, c.key)
	})
	if isNotFound(err) {
		return nil
	}
	return err
}

// addCounts adds what the writes changed to the counters, and each changed
// counter once to the batch. It runs inside the commit.
func addCounts(b *kv.Batch, writes []*write) {
	var few [4]*counter
	touched := few[:0]
	add := func(c *counter, items, bytes int64) {
		c.add(items, bytes)
		for _, have := range touched {
			if have == c {
				return
			}
		}
		touched = append(touched, c)
	}
	for _, w := range writes {
		if w.changed {
			add(w.table.count, w.items(), w.bytes())
		}
		for _, c := range w.indexes {
			add(c.index.count, c.counted, c.countedBytes)
		}
	}
	for _, c := range touched {
		c.set(b)
	}
}

// items returns by how many items the table grows.
func (w *write) items() int64 {
	switch {
	case w.old.item == nil:
		return 1
	case w.now.item == nil:
		return -1
	default:
		return 0
	}
}

// bytes returns by how many bytes the items of the table grow.
func (w *write) bytes() int64 { return int64(w.now.size) - int64(w.old.size) }
