package eventsource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/kv"
)

// A Parked record was set aside, or waits behind one of its item that was.
type Parked struct {
	UUID   string         `json:"-"`
	Item   string         `json:"-"` // key of the item, as JSON
	Seq    uint64         `json:"-"`
	Reason string         `json:"reason"`
	At     time.Time      `json:"at"`
	Record jsontext.Value `json:"record"` // as the function sees it
}

func parkedKey(uuid, item string, seq uint64) kv.Key {
	return kv.NewKey('v').Uint64(2).String(uuid).String(item).Uint64(seq)
}

// waiting is the items of a mapping that have parked records.
type waiting struct {
	mu    sync.Mutex // held while an item's first record is parked or its last one goes
	items map[string]bool
	retry map[string]bool // items that Retry is at
}

// behind is the reason of records that wait behind another.
const behind = "an earlier change of the item is parked"

// load reads which items wait.
func (w *waiting) load(store *kv.Store, uuid string) error {
	w.items, w.retry = map[string]bool{}, map[string]bool{}
	return eachParked(store, uuid, func(p *Parked) bool { w.items[p.Item] = true; return true })
}

// eachParked calls fn for the parked records of a mapping, in order of items and
// numbers, until it returns false.
func eachParked(store kv.Reader, uuid string, fn func(*Parked) bool) error {
	return scanParked(store, kv.NewKey('v').Uint64(2).String(uuid), fn)
}

func scanParked(store kv.Reader, prefix kv.Key, fn func(*Parked) bool) error {
	it := store.Scan(kv.Prefix(prefix))
	for it.Next() {
		k := kv.ReadKey(it.Key())
		k.Uint64()
		p := &Parked{UUID: k.String(), Item: k.String(), Seq: k.Uint64()}
		if err := json.Unmarshal(it.Value(), p); err != nil {
			return errors.Join(fmt.Errorf("eventsource: parked record: %w", err), it.Close())
		}
		if !fn(p) {
			break
		}
	}
	return it.Close()
}

// put adds parked records to the batch.
func (p *Parked) put(b *kv.Batch) {
	v, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("eventsource: parked record: %v", err)) // plain data always marshals
	}
	b.Set(parkedKey(p.UUID, p.Item, p.Seq), v)
}

// Parked calls fn for the parked records of a mapping, those of one item in
// order, until fn returns false.
func (ms *Mappings) Parked(uuid string, fn func(*Parked) bool) error {
	return eachParked(ms.store, uuid, fn)
}

// Retry hands the parked records of an item to the function, one by one, until
// none is left, and then lets its later changes flow again; or until the
// function fails, which the error tells. Errors: ErrNotFound, ErrNotParked,
// ErrBusy.
func (ms *Mappings) Retry(ctx context.Context, uuid, item string) error {
	m, err := ms.find(uuid)
	if err != nil {
		return err
	}
	if err := m.begin(item); err != nil {
		return err
	}
	defer m.end(item)
	for {
		p, err := m.first(item)
		if err != nil || p == nil {
			return err
		}
		now := m.mapping()
		r, err := ms.opts.Invoke(ctx, now.Function, append(append([]byte(`{"Records":[`), p.Record...), "]}"...))
		if err != nil {
			return err
		}
		one := []*record{{seq: p.Seq}}
		if v := judge(&Settings{Report: now.Report}, one, &r); v.good == 0 {
			return fmt.Errorf("eventsource: the function failed again: %.1000s", r.Payload)
		}
		if err := m.unpark(p); err != nil {
			return err
		}
	}
}

// Drop removes the first parked record of an item without handing it over.
// Errors: ErrNotFound, ErrNotParked, ErrBusy.
func (ms *Mappings) Drop(uuid, item string) error {
	m, err := ms.find(uuid)
	if err != nil {
		return err
	}
	if err := m.begin(item); err != nil {
		return err
	}
	defer m.end(item)
	p, err := m.first(item)
	if err != nil || p == nil {
		return err
	}
	if err := m.unpark(p); err != nil {
		return err
	}
	_, err = m.first(item)
	return err
}

// begin keeps others from the item until end.
func (m *runner) begin(item string) error {
	m.wait.mu.Lock()
	defer m.wait.mu.Unlock()
	switch {
	case !m.wait.items[item]:
		return fmt.Errorf("%w of %s", ErrNotParked, item)
	case m.wait.retry[item]:
		return ErrBusy
	}
	m.wait.retry[item] = true
	return nil
}

func (m *runner) end(item string) {
	m.wait.mu.Lock()
	defer m.wait.mu.Unlock()
	delete(m.wait.retry, item)
}

// first returns the item's first parked record. If there is none the item flows
// again.
func (m *runner) first(item string) (out *Parked, err error) {
	m.wait.mu.Lock()
	defer m.wait.mu.Unlock()
	prefix := kv.NewKey('v').Uint64(2).String(m.UUID).String(item)
	err = scanParked(m.all.store, prefix, func(p *Parked) bool { out = p; return false })
	if err == nil && out == nil {
		delete(m.wait.items, item)
	}
	return out, err
}

func (m *runner) unpark(p *Parked) error {
	b := m.all.store.NewBatch()
	b.UseReserve()
	b.Delete(parkedKey(p.UUID, p.Item, p.Seq))
	_, err := m.all.store.Commit(b)
	return err
}
