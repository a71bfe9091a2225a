package relay

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
)

// ForgetVersions deletes the versions of the mapping that are not in use and by
// which nothing is parked. No Relay of the store may run: what it parks
// meanwhile could lose its version.
func ForgetVersions(store *kv.Store, used ...string) error {
	old := map[string]bool{}
	it := store.Scan(kv.Prefix(kv.NewKey('y')))
	for it.Next() {
		old[string(it.Key())] = true
	}
	if err := it.Close(); err != nil {
		return err
	}
	for _, version := range used {
		delete(old, string(versionKey(version)))
	}
	if len(old) == 0 {
		return nil
	}
	if err := keepParked(store, old); err != nil {
		return err
	}
	b := store.NewBatch()
	b.UseReserve()
	for key := range old {
		b.Delete(kv.Key(key))
	}
	_, err := store.Commit(b)
	return err
}

// keepParked takes the versions out of old by which something is parked.
func keepParked(store kv.Reader, old map[string]bool) error {
	it := store.Scan(kv.Prefix(kv.NewKey('p')))
	for it.Next() && len(old) > 0 {
		var p struct {
			Version string `json:"version"`
		}
		if err := json.Unmarshal(it.Value(), &p); err != nil {
			return errors.Join(fmt.Errorf("relay: parked record: %w", err), it.Close())
		}
		delete(old, string(versionKey(p.Version)))
	}
	return it.Close()
}
