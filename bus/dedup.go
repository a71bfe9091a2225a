package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
)

// stripes is how many publications with deduplication ids go on at once, at
// most.
const stripes = 64

// Locks of deduplication ids: held from the look whether an id was used until
// the commit that uses it.
type idLocks [stripes]sync.Mutex

// lock locks what the ids need, and returns the release.
func (l *idLocks) lock(ids []publication) (release func()) {
	var held []uint64
	for _, id := range ids {
		held = append(held, xxhash.Sum64(id.key())%stripes)
	}
	slices.Sort(held)
	held = slices.Compact(held)
	for _, i := range held {
		l[i].Lock()
	}
	return func() {
		for _, i := range held {
			l[i].Unlock()
		}
	}
}

// A publication is a deduplication id on a bus.
type publication struct{ bus, id string }

func (p publication) key() kv.Key { return kv.NewKey('w').Raw([]byte{'i'}).String(p.bus).String(p.id) }

// A published is what is remembered of one. It is stored.
type published struct {
	Event string    `json:"event"` // its id
	Time  time.Time `json:"time"`
}

func forgetKey(at time.Time) kv.Key {
	return kv.NewKey('w').Raw([]byte{'t'}).Uint64(uint64(max(0, at.UnixMilli())))
}

// publications returns the deduplication ids of entries.
func publications(entries []Entry) (out []publication) {
	for i := range entries {
		if e := &entries[i]; e.DeduplicationID != "" {
			out = append(out, publication{e.Bus, e.DeduplicationID})
		}
	}
	return out
}

// first returns the id of the event that an entry with the deduplication id
// repeats, of this call or an earlier one; empty if it repeats none.
func (b *Buses) first(p publication, used map[publication]string) (event string, err error) {
	if p.id == "" {
		return "", nil
	}
	if event := used[p]; event != "" {
		return event, nil
	}
	return b.repeated(p)
}

// repeated returns the id of the event that used the deduplication id within
// the window; empty if none did. A clock that went back makes the window no
// longer than twice itself.
func (b *Buses) repeated(p publication) (event string, err error) {
	var last published
	err = b.store.View(p.key(), func(v []byte) error { return json.Unmarshal(v, &last) })
	if errors.Is(err, kv.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("bus: deduplication id %q of bus %s: %w", p.id, p.bus, err)
	}
	if b.opts.Now().Sub(last.Time).Abs() >= b.opts.DedupWindow {
		return "", nil
	}
	return last.Event, nil
}

// remember adds to the batch that an event used the deduplication id.
func (b *Buses) remember(batch *kv.Batch, p publication, event string) {
	now := b.opts.Now().UTC()
	batch.Set(p.key(), encode(published{event, now}))
	batch.Set(forgetKey(now).Raw(p.key()), nil)
}

// forget removes the deduplication ids whose window has passed. One that was
// used again since stays.
func (b *Buses) forget() error {
	end := forgetKey(b.opts.Now().Add(-b.opts.DedupWindow))
	it := b.store.Scan(kv.Range{Lower: kv.NewKey('w').Raw([]byte{'t'}), Upper: end})
	batch := b.store.NewBatch()
	batch.UseReserve()
	n := 0
	for it.Next() {
		n++
		batch.Delete(it.Key())
		used := it.Key()[len(end):]
		var last published
		err := b.store.View(used, func(v []byte) error { return json.Unmarshal(v, &last) })
		if err == nil && last.Time.UnixMilli() <= int64(binary.BigEndian.Uint64(it.Key()[2:])) {
			batch.Delete(used)
		}
	}
	if err := it.Close(); err != nil || n == 0 {
		batch.Close()
		return err
	}
	_, err := b.store.Commit(batch)
	return err
}
