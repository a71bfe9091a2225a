package table

import (
	"context"
	"fmt"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// repairStep bounds the entries that one commit of a repair changes, and repairBytes
// what they take.
const (
	repairStep  = 1000
	repairBytes = 4 << 20
)

// A repair collects changes of index entries and counters.
type repair struct {
	store   *kv.Store
	b       *kv.Batch
	n, size int
	changed map[string]int // by part
	parts   []string       // in the order of their first change
}

// Repair makes the entries of all indexes, and the counters, of a store that nothing
// else uses what the items say, and notes in the report what it changed. Items stay
// as they are; the counters of a table with items that cannot be read do, too. Each
// batch is whole by itself, and Repair begins anew where it was interrupted. Errors:
// of the store, of ctx.
func Repair(ctx context.Context, store *kv.Store, report *fsck.Report) error {
	for _, t := range stored(store, report) {
		r := &repair{store: store, b: store.NewBatch(), changed: map[string]int{}}
		err := r.table(ctx, &checker{r: store, report: report, t: t})
		r.b.Close()
		if err != nil {
			return fmt.Errorf("table %s: repair: %w", t.name, err)
		}
		for _, part := range r.parts {
			report.Note("Repaired: %s: %d entries or counters.", part, r.changed[part])
		}
	}
	return nil
}

// table repairs one table. The entries come first: the counters count them as they
// are then.
func (r *repair) table(ctx context.Context, c *checker) error {
	fix := func(x *index, f finding) error {
		if f.want.key == nil {
			r.b.Delete(f.key)
		} else {
			r.b.Set(f.key, f.want.value())
		}
		return r.change(ctx, c.part(x), len(f.key)+f.want.size())
	}
	for _, x := range c.t.indexes {
		if err := c.entries(x, fix); err != nil {
			return err
		}
	}
	if err := c.items(fix); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	if c.unreadable > 0 {
		return nil
	}
	c.counters(func(part string, key, value []byte, _ string) {
		if value == nil {
			r.b.Delete(key)
		} else {
			r.b.Set(key, value)
		}
		r.note(part, len(key)+len(value))
	})
	return r.flush()
}

func (r *repair) note(part string, size int) {
	if r.changed[part] == 0 {
		r.parts = append(r.parts, part)
	}
	r.changed[part]++
	r.n++
	r.size += size
}

// change counts a change that was added to the batch, and commits a batch that is
// large enough.
func (r *repair) change(ctx context.Context, part string, size int) error {
	r.note(part, size)
	if r.n < repairStep && r.size < repairBytes {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.flush()
}

// flush commits what was collected.
func (r *repair) flush() error {
	if r.n == 0 {
		return nil
	}
	_, err := r.store.Commit(r.b)
	r.b, r.n, r.size = r.store.NewBatch(), 0, 0
	return err
}
