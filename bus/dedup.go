package bus

import (
	"bytes"
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

// stripes is how many calls of Put with deduplication ids can run at once.
const stripes = 64

// stripedLocks are the locks of deduplication ids, each shared by the ids of one
// hash. Whoever looks up ids in order to store or delete them holds their locks
// from before the look-up until the commit: so two calls of Put with one id
// cannot both find it unused, and an id that is used again while it expires is
// not deleted.
type stripedLocks [stripes]sync.Mutex

// lock takes the locks of the ids with these keys and returns the function that
// releases them.
func (l *stripedLocks) lock(keys []kv.Key) (release func()) {
	var held []uint64
	for _, k := range keys {
		held = append(held, xxhash.Sum64(k)%stripes)
	}
	// In ascending order, each once: so no two calls wait for each other.
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

// A dedupKey is a deduplication id on a bus.
type dedupKey struct{ bus, id string }

func dedupPrefix(bus string) kv.Key { return kv.NewKey('w').Raw([]byte{'i'}).String(bus) }

func (k dedupKey) key() kv.Key { return dedupPrefix(k.bus).String(k.id) }

// A dedupRecord is the stored value of a deduplication id.
type dedupRecord struct {
	Event string    `json:"event"` // id of the event that used it last
	Time  time.Time `json:"time"`  // when
}

func dedupTimeKey(at time.Time) kv.Key {
	return kv.NewKey('w').Raw([]byte{'t'}).Uint64(uint64(max(0, at.UnixMilli())))
}

// dedupKeys returns the store's keys of the deduplication ids of entries.
func dedupKeys(entries []Entry) (out []kv.Key) {
	for i := range entries {
		if e := &entries[i]; e.DeduplicationID != "" {
			out = append(out, dedupKey{e.Bus, e.DeduplicationID}.key())
		}
	}
	return out
}

// duplicateOf returns the id of the event that an entry with the deduplication
// id is a duplicate of, in this call (used) or an earlier one; empty if it is
// the first. The caller holds the id's lock.
func (b *Buses) duplicateOf(k dedupKey, used map[dedupKey]*routed) (event string, err error) {
	if k.id == "" {
		return "", nil
	}
	if a := used[k]; a != nil {
		return a.Event.ID, nil
	}
	return b.lookUpDedup(k)
}

// lookUpDedup returns the id of the event that used the deduplication id within
// the window; empty if none did. A clock that was set back makes the window at
// most twice as long.
func (b *Buses) lookUpDedup(k dedupKey) (event string, err error) {
	var last dedupRecord
	err = b.store.View(k.key(), func(v []byte) error { return json.Unmarshal(v, &last) })
	if errors.Is(err, kv.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("bus: deduplication id %q of bus %s: %w", k.id, k.bus, err)
	}
	if b.opts.Now().Sub(last.Time).Abs() >= b.opts.DedupWindow {
		return "", nil
	}
	return last.Event, nil
}

// addDedup adds to the batch which events used which deduplication ids.
func (b *Buses) addDedup(batch *kv.Batch, used map[dedupKey]*routed) {
	now := b.opts.Now().UTC()
	// Inside the commit, as in addRouted: the id of an event that its bus's
	// deletion left out must not answer for a new bus of that name.
	batch.Number(0, func(uint64) {
		for k, a := range used {
			if a.tombstone.deleted {
				continue
			}
			batch.Set(k.key(), encode(dedupRecord{a.Event.ID, now}))
			batch.Set(dedupTimeKey(now).Raw(k.key()), nil)
		}
	})
}

// dedupPage is how many deduplication ids expire in one batch.
const dedupPage = 512

// expireDedup removes the deduplication ids whose window has passed.
func (b *Buses) expireDedup() error {
	end := dedupTimeKey(b.opts.Now().Add(-b.opts.DedupWindow))
	for {
		var times, ids []kv.Key
		it := b.store.Scan(kv.Range{Lower: kv.NewKey('w').Raw([]byte{'t'}), Upper: end})
		for len(times) < dedupPage && it.Next() {
			key := bytes.Clone(it.Key())
			times, ids = append(times, key), append(ids, key[len(end):])
		}
		if err := it.Close(); err != nil {
			return err
		}
		if len(times) == 0 {
			return nil
		}
		if err := b.deleteDedup(times, ids); err != nil {
			return err
		}
	}
}

// deleteDedup deletes expired ids, each under the key of the time when it was
// used. An id that was used again since stays, with the time key of that use.
func (b *Buses) deleteDedup(times, ids []kv.Key) error {
	defer b.dedupLocks.lock(ids)()
	batch := b.store.NewBatch()
	batch.UseReserve()
	for i, id := range ids {
		batch.Delete(times[i])
		var last dedupRecord
		err := b.store.View(id, func(v []byte) error { return json.Unmarshal(v, &last) })
		if err == nil && last.Time.UnixMilli() <= int64(binary.BigEndian.Uint64(times[i][2:])) {
			batch.Delete(id)
		}
	}
	_, err := b.store.Commit(batch)
	return err
}
