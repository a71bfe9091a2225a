package keys

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/internal/seal"
)

const table = "arn:aws:dynamodb:::table/"

// A grant has an action and a resource, both by pattern.
func TestAllows(t *testing.T) {
	key := func(actions string, on ...string) Key {
		g, err := ParseGrant(actions, on)
		if err != nil {
			t.Fatal(err)
		}
		return Key{Allow: []Grant{g}}
	}
	for _, c := range []struct {
		key              Key
		action, resource string
		want             bool
	}{
		{key("dynamodb:PutItem,dynamodb:Get*", "table/orders"), "dynamodb:PutItem", table + "orders", true},
		{key("dynamodb:PutItem,dynamodb:Get*", "table/orders"), "dynamodb:GetItem", table + "orders", true},
		{key("dynamodb:PutItem,dynamodb:Get*", "table/orders"), "dynamodb:DeleteItem", table + "orders", false},
		{key("dynamodb:PutItem", "table/orders"), "dynamodb:PutItem", table + "orders2", false},
		{key("dynamodb:PutItem", "table/orders"), "dynamodb:PutItem", table + "Orders", false},
		{key("dynamodb:putitem", "table/orders"), "dynamodb:PutItem", table + "orders", true},
		{key("dynamodb:Query", "table/orders"), "dynamodb:Query", table + "orders/index/byDate", false},
		{key("dynamodb:Query", "table/orders/index/*"), "dynamodb:Query", table + "orders/index/byDate", true},
		{key("dynamodb:*", "table/o*s/x"), "dynamodb:Query", table + "os/x", true},
		{key("dynamodb:*", "table/o*s/*y*x"), "dynamodb:Query", table + "orders/xyzx", true},
		{key("dynamodb:*", "table/o*s/*y*x"), "dynamodb:Query", table + "orders/xzx", false},
		{key("dynamodb:*", "table/*s/x"), "dynamodb:Query", table + "ss/x/x", false},
		{key("dynamodb:*"), "events:PutEvents", "*", false},
		{key("dynamodb:*"), "dynamodb:ListTables", "*", true},
		{key("dynamodb:*", "table/orders"), "dynamodb:ListTables", "*", false},
		{key("*"), "lambda:CreateFunction", "arn:x", true},
		{Key{}, "dynamodb:PutItem", table + "orders", false},
		{Key{Allow: []Grant{{Actions: []string{"dynamodb:PutItem"}}}}, "dynamodb:PutItem", "", false},
		{Key{Allow: []Grant{key("dynamodb:PutItem", "table/a").Allow[0], key("dynamodb:GetItem", "table/b").Allow[0]}}, "dynamodb:PutItem", table + "b", false},
	} {
		if got := c.key.Allows(c.action, c.resource); got != c.want {
			t.Errorf("%v: %s on %s is %v", c.key.Allow, c.action, c.resource, got)
		}
	}
}

func TestParseGrant(t *testing.T) {
	g, err := ParseGrant("events:PutEvents", []string{"event-bus/main", "arn:aws:events:eu-west-1:111111111111:event-bus/x", "*"})
	if err != nil || g.Resources[0] != "arn:aws:events:::event-bus/main" || g.Resources[1] != "arn:aws:events:eu-west-1:111111111111:event-bus/x" || g.Resources[2] != "*" {
		t.Errorf("%v, %v", g, err)
	}
	for _, c := range []struct {
		actions string
		on      []string
	}{{"", nil}, {"PutItem", nil}, {"dynamo:PutItem", nil}, {"dynamodb:PutItem,", nil}, {"dynamodb:Put Item", nil}, {"dynamodb:PutItem,events:PutEvents", []string{"table/x"}}, {"*", []string{"table/x"}}} {
		if g, err := ParseGrant(c.actions, c.on); !errors.Is(err, ErrSpec) {
			t.Errorf("%q %v: %v, %v", c.actions, c.on, g, err)
		}
	}
}

func create(t *testing.T, dir, name string) Key {
	t.Helper()
	k, err := Create(t.Context(), dir, Key{Name: name, Allow: []Grant{Everything}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Keys are kept sealed, for their owner alone; a folder that had keys stays closed.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if all, closed, err := List(dir); len(all) != 0 || closed || err != nil {
		t.Fatalf("%v %v %v", all, closed, err)
	}
	if _, err := Revoke(t.Context(), dir, "a"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	b, a := create(t, dir, "b"), create(t, dir, "a")
	all, closed, err := List(dir)
	if err != nil || !closed || len(all) != 2 || all[0].ID != a.ID || all[1].Secret != b.Secret || len(a.Secret) != 40 || len(a.ID) != 20 || a.ID == b.ID {
		t.Fatalf("%v %v %v", all, closed, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "KEYS"))
	if err != nil || bytes.Contains(raw, []byte(a.Secret)) || bytes.Contains(raw, []byte(a.ID)) {
		t.Errorf("KEYS shows a key: %q, %v", raw, err)
	}
	for _, name := range []string{"KEYS", "KEY"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := Create(t.Context(), dir, Key{Name: "a"}, time.Now()); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	for _, k := range []Key{{}, {Name: "a b"}, {Name: "past", Expires: time.Now().Add(-time.Second)}} {
		if _, err := Create(t.Context(), dir, k, time.Now()); !errors.Is(err, ErrSpec) {
			t.Errorf("%+v: %v", k, err)
		}
	}
	for _, which := range []string{"a", b.ID} {
		if _, err := Revoke(t.Context(), dir, which); err != nil {
			t.Error(err)
		}
	}
	if all, closed, err := List(dir); len(all) != 0 || !closed || err != nil {
		t.Errorf("after all were revoked: %v %v %v", all, closed, err)
	}
}

// A file that was changed, that others can read, or whose KEY is gone or another one
// is refused, and KEY is not made anew.
func TestDamaged(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"KEYS changed": func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(dir, "KEYS"))
			raw[len(raw)-1]++
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "KEYS"), raw, 0o600))
		},
		"KEYS empty":  func(dir string) error { return os.Truncate(filepath.Join(dir, "KEYS"), 0) },
		"KEYS open":   func(dir string) error { return os.Chmod(filepath.Join(dir, "KEYS"), 0o644) },
		"KEY missing": func(dir string) error { return os.Remove(filepath.Join(dir, "KEY")) },
		"KEY another": func(dir string) error { return os.WriteFile(filepath.Join(dir, "KEY"), make([]byte, 32), 0o600) },
	} {
		dir := t.TempDir()
		create(t, dir, "a")
		if err := harm(dir); err != nil {
			t.Fatal(err)
		}
		want := ErrDamaged
		if name == "KEYS open" {
			want = seal.ErrKeyFile
		}
		if _, closed, err := List(dir); !closed || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", name, closed, err)
		}
		if _, err := Open(dir, slog.New(slog.DiscardHandler)); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Create(t.Context(), dir, Key{Name: "b"}, time.Now()); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A closed folder that lost KEYS is refused by the file's name, until the file is back or
// keys are created anew. A folder that lost KEY as well is as a restored backup: open.
func TestLost(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "KEYS")
	a := create(t, dir, "a")
	held, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"List":   func() error { _, _, err := List(dir); return err },
		"Open":   func() error { _, err := Open(dir, slog.New(slog.DiscardHandler)); return err },
		"Revoke": func() error { _, err := Revoke(t.Context(), dir, "a"); return err },
	} {
		if err := do(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path+" is missing") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(path, held, 0o600); err != nil {
		t.Fatal(err)
	}
	if all, closed, err := List(dir); len(all) != 1 || all[0].Secret != a.Secret || !closed || err != nil {
		t.Errorf("restored: %v %v %v", all, closed, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	b := create(t, dir, "b")
	if all, closed, err := List(dir); len(all) != 1 || all[0].Secret != b.Secret || !closed || err != nil {
		t.Errorf("anew: %v %v %v", all, closed, err)
	}
	if err := errors.Join(os.Remove(path), os.Remove(filepath.Join(dir, "KEY"))); err != nil {
		t.Fatal(err)
	}
	if all, closed, err := List(dir); len(all) != 0 || closed || err != nil {
		t.Errorf("both lost: %v %v %v", all, closed, err)
	}
}

// An older copy of KEYS does not bring back a key that was revoked: it is refused by the
// file's name, until the newest is back or it is removed and keys are made anew. A KEY of
// before the change opens the newest KEYS.
func TestOlderCopy(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"KEYS": filepath.Join(dir, "KEYS"), "KEY": filepath.Join(dir, "KEY")}
	copyOf := func(name string) []byte {
		t.Helper()
		raw, err := os.ReadFile(files[name])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	put := func(name string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(files[name], raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	create(t, dir, "a")
	create(t, dir, "b")
	older, olderKey := copyOf("KEYS"), copyOf("KEY")
	if _, err := Revoke(t.Context(), dir, "b"); err != nil {
		t.Fatal(err)
	}
	newest := copyOf("KEYS")
	put("KEYS", older)
	for what, do := range map[string]func() error{
		"List":   func() error { _, _, err := List(dir); return err },
		"Open":   func() error { _, err := Open(dir, slog.New(slog.DiscardHandler)); return err },
		"Revoke": func() error { _, err := Revoke(t.Context(), dir, "a"); return err },
		"Create": func() error { _, err := Create(t.Context(), dir, Key{Name: "c"}, time.Now()); return err },
	} {
		if err := do(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "change 2 of 3") {
			t.Errorf("%s: %v", what, err)
		}
	}
	put("KEYS", newest)
	put("KEY", olderKey)
	if all, closed, err := List(dir); len(all) != 1 || all[0].Name != "a" || !closed || err != nil {
		t.Errorf("an older KEY: %v %v %v", all, closed, err)
	}
	if err := os.Remove(files["KEYS"]); err != nil {
		t.Fatal(err)
	}
	c := create(t, dir, "c")
	if all, _, err := List(dir); len(all) != 1 || all[0].ID != c.ID || err != nil {
		t.Errorf("anew: %v %v", all, err)
	}
}

// Keys that a node could not read back are not written.
func TestTooManyKeys(t *testing.T) {
	dir := t.TempDir()
	a := create(t, dir, "a")
	large := Key{Name: "b", Allow: []Grant{{Actions: []string{"*"}, Resources: []string{strings.Repeat("x", maxFile)}}}}
	if _, err := Create(t.Context(), dir, large, time.Now()); !errors.Is(err, ErrSpec) {
		t.Error(err)
	}
	if all, _, err := List(dir); len(all) != 1 || all[0].ID != a.ID || err != nil {
		t.Errorf("%d keys, %v", len(all), err)
	}
}

// Of several that create keys at once, none is lost.
func TestCreateAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := Create(t.Context(), dir, Key{Name: strconv.Itoa(i)}, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if list, _, err := List(dir); len(list) != 8 || err != nil {
		t.Errorf("%d keys, %v", len(list), err)
	}
}

// A running node learns within a second that keys were created, revoked or lost, and
// never opens again.
func TestRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		own := Fresh("functions", Everything)
		var log bytes.Buffer
		r, err := Open(dir, slog.New(slog.NewTextHandler(&log, nil)), own)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		defer running.Wait()
		defer cancel()
		state := func(closed bool, ids ...string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if r.Closed() != closed {
				t.Errorf("closed: %v", r.Closed())
			}
			if n := len(r.now.Load().byID); n != len(ids)+1 {
				t.Errorf("%d keys", n)
			}
			for _, id := range append(ids, own.ID) {
				if _, ok := r.Find(id); !ok {
					t.Errorf("%s is missing", id)
				}
			}
		}
		state(false)
		a := create(t, dir, "a")
		state(true, a.ID)
		b := create(t, dir, "b")
		state(true, a.ID, b.ID)
		if _, err := Revoke(t.Context(), dir, "a"); err != nil {
			t.Fatal(err)
		}
		state(true, b.ID)
		held, err := os.ReadFile(filepath.Join(dir, "KEYS"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "KEYS")); err != nil {
			t.Fatal(err)
		}
		state(true)
		state(true)
		if n := bytes.Count(log.Bytes(), []byte("cannot be read")); n != 1 {
			t.Errorf("said %d times: %s", n, &log)
		}
		if err := os.WriteFile(filepath.Join(dir, "KEYS"), held, 0o600); err != nil {
			t.Fatal(err)
		}
		state(true, b.ID)
		if _, err := Revoke(t.Context(), dir, b.ID); err != nil {
			t.Fatal(err)
		}
		state(true)
	})
}
