package table_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// Items go once their time has come, with a record that says why; others stay.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		now := time.Now().Unix()
		put := func(id, ends string) {
			t.Helper()
			row := it(t, `{"id":{"S":"%s"},"ends":%s}`, id, ends)
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			put(fmt.Sprint("soon", i), fmt.Sprintf(`{"N":"%d.5"}`, now+60))
		}
		put("late", fmt.Sprintf(`{"N":"%d"}`, now+3600))
		put("ancient", fmt.Sprintf(`{"N":"%d"}`, now-6*365*24*3600))
		put("text", fmt.Sprintf(`{"S":"%d"}`, now))
		put("renewed", fmt.Sprintf(`{"N":"%d"}`, now+60))
		if err := f.tables.SetTTL("users", "ends"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		time.Sleep(30 * time.Second)
		put("renewed", fmt.Sprintf(`{"N":"%d"}`, now+90))
		left := func() int64 {
			d, _ := f.tables.Describe("users")
			return d.Items
		}
		if n := left(); n != 104 {
			t.Errorf("%d items before their time", n)
		}
		time.Sleep(33 * time.Second)
		if n := left(); n != 4 {
			t.Errorf("%d items after a minute", n)
		}
		time.Sleep(time.Hour)
		if n := left(); n != 2 {
			t.Errorf("%d items after an hour", n)
		}
		removed := 0
		for _, r := range records(t, f) {
			if r.Op == stream.Remove {
				removed++
				if !r.Expired || r.Old == nil {
					t.Errorf("record of %v: expired %t", r.Keys, r.Expired)
				}
			} else if r.Expired {
				t.Errorf("%v of %v says expired", r.Op, r.Keys)
			}
		}
		if removed != 102 {
			t.Errorf("%d items were removed", removed)
		}
		cancel()
		background.Wait()
	})
}

// A wall clock that jumps ahead expires nothing, nor does one that is ahead at
// the start and is set right soon.
func TestExpiryDistrustsTheClock(t *testing.T) {
	for name, wrong := range map[string]func(passed time.Duration) time.Duration{
		"jumps": func(passed time.Duration) time.Duration {
			return 24 * time.Hour * min(passed/(20*time.Second), 1)
		},
		"starts fast": func(passed time.Duration) time.Duration {
			return 24 * time.Hour * (1 - min(passed/(5*time.Second), 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				start := time.Now()
				f.reopenAt(t, func() time.Time { return time.Now().Add(wrong(time.Since(start))) })
				spec := users
				spec.TTL = "ends"
				if _, err := f.tables.Create(spec); err != nil {
					t.Fatal(err)
				}
				row := item.MapOf(item.Field{Name: "id", Value: item.S("u")}, item.Field{Name: "ends", Value: item.NumOf(start.Unix() + 3600).Value()})
				if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var background sync.WaitGroup
				background.Go(func() { _ = f.tables.Run(ctx) })
				time.Sleep(30 * time.Minute)
				if d, _ := f.tables.Describe("users"); d.Items != 1 {
					t.Error("the item expired early")
				}
				time.Sleep(31 * time.Minute)
				if d, _ := f.tables.Describe("users"); d.Items != 0 {
					t.Error("the item did not expire")
				}
				cancel()
				background.Wait()
			})
		})
	}
}

// Turning the time to live off and on leaves no entry behind.
func TestExpirySettings(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	var wrong *table.ValidationError
	for _, c := range []struct {
		attribute string
		ok        bool
	}{{"", false}, {"ends", true}, {"ends", false}, {"other", false}, {"", true}, {"other", true}} {
		err := f.tables.SetTTL("users", c.attribute)
		if c.ok && err != nil || !c.ok && !errors.As(err, &wrong) {
			t.Errorf("%q: %v", c.attribute, err)
		}
		f.reopen(t)
		if got, _, _ := f.tables.TTL("users"); c.ok && got != c.attribute {
			t.Errorf("%q after a restart, want %q", got, c.attribute)
		}
	}
	if err := f.tables.SetTTL("none", "ends"); !errors.Is(err, table.ErrNotFound) {
		t.Error(err)
	}
}

// The items of a partition key take no more than their limit in a table with
// local indexes, and removals make room.
func TestCollectionLimit(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(orders); err != nil {
		t.Fatal(err)
	}
	f.tables.LimitCollections(1000)
	put := func(pk string, sk int) (table.WriteResult, error) {
		row := it(t, `{"pk":{"S":"%s"},"sk":{"N":"%d"},"total":{"N":"1"},"note":{"S":"%0100d"}}`, pk, sk, 7)
		return f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row})
	}
	n := 0
	for {
		r, err := put("p", n)
		if errors.Is(err, table.ErrCollectionFull) {
			break
		}
		if err != nil || r.Collection == nil || r.Collection.Bytes > 1000 {
			t.Fatalf("%v, %v", r.Collection, err)
		}
		n++
	}
	if n != 4 { // each is 118 bytes twice: item and entry
		t.Errorf("%d items fit", n)
	}
	if _, err := put("q", 0); err != nil {
		t.Errorf("another collection: %v", err)
	}
	f.reopen(t)
	f.tables.LimitCollections(1000)
	if _, err := put("p", n); !errors.Is(err, table.ErrCollectionFull) {
		t.Errorf("after a restart: %v", err)
	}
	r, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "orders", Key: it(t, `{"pk":{"S":"p"},"sk":{"N":"0"}}`)})
	if err != nil || r.Collection.Bytes > 750 {
		t.Errorf("%v, %v", r.Collection, err)
	}
	if _, err := put("p", n); err != nil {
		t.Errorf("after a removal: %v", err)
	}
}

// A row that cannot be read holds up the indexes and the expiry of its own
// table alone.
func TestDamagedTableHarmsOnlyItself(t *testing.T) {
	for _, damage := range []string{"before the index is filled", "after"} {
		t.Run(damage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				ends := time.Now().Add(time.Minute).Unix()
				for _, name := range []string{"a-damaged", "b-whole"} {
					spec := users
					spec.Name = name
					if _, err := f.tables.Create(spec); err != nil {
						t.Fatal(err)
					}
					row := it(t, `{"id":{"S":"u"},"ends":{"N":"%d"}}`, ends)
					if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: name, Item: row}); err != nil {
						t.Fatal(err)
					}
				}
				spoil := func() {
					b := f.store.NewBatch()
					b.Set(item.AppendKey(kv.NewKey('i').Uint64(1), item.S("u")), []byte("no item"))
					if _, err := f.store.Commit(b); err != nil {
						t.Fatal(err)
					}
				}
				if damage != "after" {
					spoil()
				}
				for _, name := range []string{"a-damaged", "b-whole"} {
					if err := f.tables.SetTTL(name, "ends"); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				var background sync.WaitGroup
				background.Go(func() { _ = f.tables.Run(ctx) })
				time.Sleep(30 * time.Second)
				if damage == "after" {
					spoil()
				}
				time.Sleep(time.Minute)
				if d, err := f.tables.Describe("b-whole"); err != nil || d.Items != 0 {
					t.Errorf("%d items are left in the other table, %v", d.Items, err)
				}
				cancel()
				background.Wait()
			})
		})
	}
}

// Items that cannot be read stay, and all others of their table expire.
func TestDamagedItemsHarmOnlyThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		spec := users
		spec.TTL = "ends"
		if _, err := f.tables.Create(spec); err != nil {
			t.Fatal(err)
		}
		const items, damaged = 100, 30 // more of them than one commit removes
		ends := time.Now().Add(time.Minute).Unix()
		b := f.store.NewBatch()
		for i := range items {
			row := it(t, `{"id":{"S":"%03d"},"ends":{"N":"%d"}}`, i, ends)
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
				t.Fatal(err)
			}
			if i < damaged {
				b.Set(item.AppendKey(kv.NewKey('i').Uint64(1), item.S(fmt.Sprintf("%03d", i))), []byte("no item"))
			}
		}
		if _, err := f.store.Commit(b); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		time.Sleep(2 * time.Minute)
		cancel()
		background.Wait()
		if d, err := f.tables.Describe("users"); err != nil || d.Items != damaged {
			t.Errorf("%d items are left, %v", d.Items, err)
		}
	})
}

// An entry of the expiry index that cannot be read keeps nothing else from expiring,
// and an item that the disk has no room to index does not either.
func TestExpiryGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := kvtest.NewSpaceFS(vfs.NewMem(), 1<<40)
		f := fixture{store: kvtest.Open(t, "data", kv.Options{FS: fs, MinFreeBytes: 64 << 20})}
		f.reopen(t)
		past := time.Now().Unix() - 60
		for _, name := range []string{"filled", "users"} {
			spec := users
			if spec.Name = name; name == "users" {
				spec.TTL = "ends"
			}
			if _, err := f.tables.Create(spec); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: name, Item: it(t, `{"id":{"S":"u%d"},"ends":{"N":"%d"}}`, i, past)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.tables.SetTTL("filled", "ends"); err != nil { // Run is to fill the index
			t.Fatal(err)
		}
		b := f.store.NewBatch()
		b.Set(item.AppendKey(under(3), item.NumOf(past-1).Value()), nil) // of no item
		if _, err := f.store.Commit(b); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var background sync.WaitGroup
		fs.SetFree(32 << 20)
		time.Sleep(2 * time.Second)
		background.Go(func() { _ = f.tables.Run(ctx) })
		time.Sleep(time.Minute)
		if d, err := f.tables.Describe("users"); err != nil || d.Items != 0 {
			t.Errorf("%d items are left, %v", d.Items, err)
		}
		cancel()
		background.Wait()
	})
}
