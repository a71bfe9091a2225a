package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
)

// deletions is how many items of an outbox are deleted at once.
const deletions = 64

// published notes the items of outboxes whose events a page has, for deletion.
func (r *Relay) published(b *kv.Batch, page []mapped) {
	for i := range page {
		m := &page[i]
		deletes := slices.ContainsFunc(m.events, func(e mapping.Raised) bool { return r.opts.Set.Deletes(e.Definition) })
		if deletes && m.record.New != nil {
			b.Set(kv.NewKey('o').String(r.opts.Table).Uint64(m.record.Seq).Uint64(m.n), item.AppendJSON(nil, m.record.New))
			r.setDeleting(true)
		}
	}
}

// deletePublished deletes the items of outboxes whose events were accepted. An
// item that has changed meanwhile stays: its change raises an event of its own.
func (r *Relay) deletePublished(ctx context.Context) error {
	for r.deleting {
		keys, items, err := r.toDelete()
		if err != nil {
			return err
		}
		errs := make([]error, len(items))
		var all sync.WaitGroup
		for i, it := range items {
			all.Go(func() { errs[i] = r.opts.Delete(ctx, it) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("relay: deleting items of outbox %s: %w", r.opts.Table, err)
		}
		b := r.opts.Store.NewBatch()
		b.UseReserve()
		for _, k := range keys {
			b.Delete(k)
		}
		if _, err := r.opts.Store.Commit(b); err != nil {
			return err
		}
		r.setDeleting(len(keys) == deletions)
	}
	return nil
}

// toDelete returns the oldest items that are to be deleted.
func (r *Relay) toDelete() (keys [][]byte, items []item.Item, err error) {
	it := r.opts.Store.Scan(kv.Prefix(kv.NewKey('o').String(r.opts.Table)))
	for len(keys) < deletions && it.Next() {
		var one item.Item
		if err := json.Unmarshal(it.Value(), &one); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("relay: item of outbox %s: %w: %w", r.opts.Table, kv.ErrCorrupt, err), it.Close())
		}
		keys, items = append(keys, slices.Clone(it.Key())), append(items, one)
	}
	return keys, items, it.Close()
}
