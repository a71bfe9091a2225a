package acceptance

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

const mixed = `
tables: { users: { key: id, stream: new-and-old-images, indexes: { by-name: { key: name } }, ttl: until } }
buses: [gone]
events:
  Lost: { from: users, on: modify, bus: gone }
  Kept: { from: users, on: insert, source: s, detail: { id: "${new.id}" } }
rules:
  taken: { pattern: { source: [s] }, targets: [ { go: taking } ] }
  refused: { pattern: { source: [s] }, targets: [ { go: refusing } ] }
  stuck: { pattern: { source: [s] }, targets: [ { go: failing, order: true } ] }
`

// mixedFolder returns the folder of a node that did a bit of everything and was
// closed: it has parked records, dead letters, deliveries that wait, archived
// events, a function with code, a mapping and a connection.
func mixedFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	failed := make(chan struct{}, 100)
	answer := func(err error) target.Target {
		return target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			if e := (*target.Error)(nil); errors.As(err, &e) && !e.Permanent {
				failed <- struct{}{}
			}
			return target.Response{}, err
		})
	}
	n, err := tablecast.Open(dir, tablecast.Options{Config: parse(t, mixed), Endpoint: "http://127.0.0.1:1", Targets: map[string]target.Target{
		"taking":   answer(nil),
		"refusing": answer(&target.Error{Code: target.CodeClientError, Msg: "no", Permanent: true}),
		"failing":  answer(&target.Error{Code: target.CodeClientError, Msg: "not now"}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.Buses().CreateArchive(bus.Archive{Name: "all", Bus: "default"}), n.Buses().Delete("gone")); err != nil {
		t.Fatal(err)
	}
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	if w, err := z.Create("app.py"); err != nil {
		t.Fatal(err)
	} else if _, err := w.Write([]byte("def handler(event, context): pass\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	f := function.Function{Name: "hear", Code: function.Code{Zip: code.Bytes()}}
	f.Runtime, f.Handler = "python3.12", "app.handler"
	if _, err := n.Functions().Create(f); err != nil {
		t.Fatal(err)
	}
	d, err := n.Tables().Describe("users")
	if err != nil {
		t.Fatal(err)
	}
	m := eventsource.Mapping{Stream: d.Stream.ARN(), Start: eventsource.Latest, Settings: eventsource.Defaults()}
	m.Function, m.Enabled = "hear", false
	if _, err := n.EventSources().Create(m); err != nil {
		t.Fatal(err)
	}
	c := connection.Connection{Name: "partner", Kind: connection.Basic}
	if _, err := n.Connections().Create(c, connection.AuthParameters{Username: "ada", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		insert(t, n, fmt.Sprintf(`{"id":{"S":"u%d"},"name":{"S":"n%d"},"until":{"N":"4000000000"}}`, i, i%3))
	}
	<-failed
	for i := range 3 {
		insert(t, n, fmt.Sprintf(`{"id":{"S":"u0"},"name":{"S":"other"},"i":{"N":"%d"}}`, i))
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n.Relays()[0].Parked < 3 || n.Queues().Counts("default", "refused").DeadLettered < 20 || n.Queues().Counts("default", "taken").Delivered < 20 {
		<-tick.C
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fsckOf returns the faults of a folder, one a line, and the summary.
func fsckOf(t *testing.T, dir string, o tablecast.FsckOptions) (faults, summary string) {
	t.Helper()
	r, err := tablecast.Fsck(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	some, _ := r.Faults()
	var lines []string
	for _, f := range some {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n"), r.Summary()
}

// copyData copies a folder, without the space that it reserves.
func copyData(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(from, path)
		switch {
		case err != nil || name == "BALLAST":
			return err
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// edit changes the state of a folder behind the node's back.
func edit(t *testing.T, dir string, plant func(s *kv.Store, b *kv.Batch)) {
	t.Helper()
	s, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	plant(s, b)
	if _, err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// first returns the first key under a prefix, with its value.
func first(t *testing.T, s *kv.Store, prefix ...byte) (key, value []byte) {
	t.Helper()
	it := s.Scan(kv.Prefix(prefix))
	if !it.Next() {
		t.Fatalf("no key begins with %q", prefix)
	}
	key, value = bytes.Clone(it.Key()), bytes.Clone(it.Value())
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return key, value
}

// A folder after a mixed workload has no faults; what is planted in the state of
// any package is named.
func TestFsckNamesWhatIsPlanted(t *testing.T) {
	sound := mixedFolder(t)
	faults, summary := fsckOf(t, sound, tablecast.FsckOptions{})
	if faults != "" {
		t.Fatalf("a sound folder: %s", faults)
	}
	for _, kind := range []string{"20 items", "39 index entries", "23 change records", "3 parked records", "20 dead letters", "20 deliveries", "20 deliveries in groups", "20 archived events", "1 pieces of code", "1 connections opened", "no faults"} {
		if !strings.Contains(summary, kind) {
			t.Errorf("%q is not in %s", kind, summary)
		}
	}
	drop := func(prefix ...byte) func(*kv.Store, *kv.Batch) {
		return func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, prefix...)
			b.Delete(key)
		}
	}
	cut := func(prefix ...byte) func(*kv.Store, *kv.Batch) {
		return func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, prefix...)
			b.Set(key, value[:len(value)-1])
		}
	}
	replace := func(from, to string, prefix ...byte) func(*kv.Store, *kv.Batch) {
		return func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, prefix...)
			if !bytes.Contains(value, []byte(from)) {
				t.Fatalf("%q is not in %s", from, value)
			}
			b.Set(key, bytes.Replace(value, []byte(from), []byte(to), 1))
		}
	}
	events := string(kv.NewKey('e').String("default"))
	kindOf := func(prefix byte, kind uint64) []byte { return kv.NewKey(prefix).Uint64(kind) }
	for want, plant := range map[string]func(*kv.Store, *kv.Batch){
		"does not have event":                         drop([]byte(events)...),
		"of bus default: key":                         drop('d', 'r'),
		"nothing says when":                           drop('d', 'w'),
		"which does not know of it":                   drop('d', 'g'),
		"the row cannot be read":                      cut('d', 'r'),
		"delivery: kv: store is corrupt: dead letter": cut('x'),
		"and there are no counters":                   drop([]byte(kv.NewKey('n').String("default").String("stuck"))...),
		"the counters cannot be read":                 cut('n'),
		"so 21 are pending, and there are 20": func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, kv.NewKey('n').String("default").String("stuck")...)
			value[0]++
			b.Set(key, value)
		},
		"there are 20 dead letters, and 19": func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, kv.NewKey('n').String("default").String("refused")...)
			value[0], value[2] = value[0]-1, value[2]-1
			b.Set(key, value)
		},
		"and no rule has the target": drop([]byte(kv.NewKey('u').String("default").String("stuck"))...),
		"the rule cannot be read":    cut('u'),
		"the bus does not exist":     drop([]byte(kv.NewKey('b').String("default"))...),
		"has no rule that feeds it":  drop([]byte(kv.NewKey('u').String("default").String("Events-Archive-all"))...),
		"and there are 19":           drop('a', 'e'),
		"is in no segment":           drop('a', 's'),
		"bytes of events, and there": func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, 'a', 's')
			_, n := binary.Uvarint(value[1:])
			value[1+n+1]++ // behind the form, the last number and the count
			b.Set(key, value)
		},
		"and the shard shardId-": func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, kindOf('v', 0)...)
			b.Set(append(kindOf('v', 1), append(key[9:], 0, 0, 0, 0, 0, 0, 0, 1)...), []byte(`{"position":1}`))
		},
		"which still takes records": func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, kindOf('v', 0)...)
			b.Set(append(kindOf('v', 1), append(key[9:], 0, 0, 0, 0, 0, 0, 0, 1)...), []byte(`{"position":0,"done":true}`))
		},
		"so 3 are parked now, and there are 2": func(s *kv.Store, b *kv.Batch) {
			drop('p')(s, b)
		},
		"3 records of the item are parked, and nothing": drop('q'),
		"3 records are parked, and there is no cursor":  drop('c'),
		"the cursor is at 999":                          replace(`"position":`, `"position":999`, 'c'),
		"which is not stored any more":                  drop('y'),
		"the parked record cannot be read":              replace(`"keys":{`, `"kees":{`, 'p'),
		"the code has 0 bytes":                          drop(kindOf('f', 1)...),
		"the function cannot be read":                   cut(kindOf('f', 0)...),
		"the mapping cannot be read":                    cut(kindOf('v', 0)...),
		"the checkpoint is at 99999": func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, kindOf('v', 0)...)
			b.Set(append(kindOf('v', 1), append(key[9:], make([]byte, 8)...)...), []byte(`{"position":99999}`))
		},
		"so 4 are parked now, and there are 0": func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, kindOf('v', 0)...)
			b.Set(append(kindOf('v', 1), append(key[9:], make([]byte, 8)...)...), []byte(`{"position":1,"parked":5,"dropped":1}`))
		},
		"the connection cannot be read": cut('k', 'c'),
		"its parameters are sealed": func(s *kv.Store, b *kv.Batch) {
			key, value := first(t, s, 'k', 'c')
			i := bytes.Index(value, []byte(`"sealed":"`)) + len(`"sealed":"`)
			at := i + 40 // another letter of base64
			if value[at]++; value[at] <= 'a' || value[at] > 'z' {
				value[at] = 'a'
			}
			b.Set(key, value)
		},
		"index by-name": func(s *kv.Store, b *kv.Batch) {
			key, _ := first(t, s, binary.BigEndian.AppendUint64([]byte{'i'}, 2)...)
			b.Delete(key)
		},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		copyData(t, sound, dir)
		edit(t, dir, plant)
		if faults, _ := fsckOf(t, dir, tablecast.FsckOptions{}); !strings.Contains(faults, want) {
			t.Errorf("%q is not in\n%s", want, faults)
		}
	}
}

// The files of a folder beside its store are checked, too.
func TestFsckNamesFilesOfSecrets(t *testing.T) {
	sound := mixedFolder(t)
	for want, damage := range map[string]func(dir string) error{
		"it is missing, and seals the parameters of 1 connections": func(dir string) error { return os.Remove(filepath.Join(dir, "KEY")) },
		"KEY has 0 bytes":                    func(dir string) error { return os.Truncate(filepath.Join(dir, "KEY"), 0) },
		"its parameters are sealed with ano": func(dir string) error { return os.WriteFile(filepath.Join(dir, "KEY"), make([]byte, 32), 0o600) },
		"the access keys cannot be read":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "KEYS"), nil, 0o600) },
	} {
		dir := filepath.Join(t.TempDir(), "data")
		copyData(t, sound, dir)
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if faults, _ := fsckOf(t, dir, tablecast.FsckOptions{}); !strings.Contains(faults, want) {
			t.Errorf("%q is not in\n%s", want, faults)
		}
		if r, err := tablecast.VerifyBackup(t.Context(), dir, tablecast.FsckOptions{}); err != nil {
			t.Error(err)
		} else if faults, total := r.Faults(); total > 0 {
			t.Errorf("as a backup, which has no keys: %v", faults)
		}
	}
}

// A repair makes the indexes whole again, and says what it changed.
func TestFsckRepairsIndexes(t *testing.T) {
	dir := mixedFolder(t)
	edit(t, dir, func(s *kv.Store, b *kv.Batch) {
		gone := kv.Prefix(binary.BigEndian.AppendUint64([]byte{'i'}, 2))
		b.DeleteRange(gone.Lower, gone.Upper)
	})
	if faults, _ := fsckOf(t, dir, tablecast.FsckOptions{}); strings.Count(faults, "is missing") != 20 {
		t.Errorf("before: %s", faults)
	}
	r, err := tablecast.Fsck(t.Context(), dir, tablecast.FsckOptions{RepairIndexes: true})
	if err != nil {
		t.Fatal(err)
	}
	faults, total := r.Faults()
	if want := "[Repaired: table users, index by-name: 20 entries or counters.]"; total > 0 || fmt.Sprint(r.Notes()) != want {
		t.Errorf("%v, %v", faults, r.Notes())
	}
}

// A node opens a folder that has a damaged row of any kind, or refuses it as damaged:
// it neither panics nor says another thing. fsck finds each of those that it refuses.
func TestDamagedRows(t *testing.T) {
	sound := mixedFolder(t)
	s, err := kv.Open(sound, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][2][]byte{} // the first of each kind, by what its key begins with
	it := s.Scan(kv.Range{Upper: []byte{0xff}})
	for it.Next() {
		kind := string(it.Key()[:min(9, len(it.Key()))])
		if _, ok := rows[kind]; !ok {
			rows[kind] = [2][]byte{bytes.Clone(it.Key()), bytes.Clone(it.Value())}
		}
	}
	if err := errors.Join(it.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	damages := map[string]func([]byte) []byte{
		"emptied":  func([]byte) []byte { return nil },
		"cut":      func(v []byte) []byte { return v[:len(v)-1] },
		"extended": func(v []byte) []byte { return append(bytes.Clone(v), 7) },
	}
	file := parse(t, mixed)
	for kind, row := range rows {
		for what, damage := range damages {
			if len(row[1]) == 0 || kind == string(kv.NewKey('m').String("seq")) {
				continue // Open of the store itself tells, or nothing can be damaged
			}
			dir := filepath.Join(t.TempDir(), "data")
			copyData(t, sound, dir)
			edit(t, dir, func(_ *kv.Store, b *kv.Batch) { b.Set(row[0], damage(row[1])) })
			drop := target.Func(func(context.Context, *target.Delivery) (target.Response, error) { return target.Response{}, nil })
			n, err := tablecast.Open(dir, tablecast.Options{Config: file, Endpoint: "http://127.0.0.1:1", Targets: map[string]target.Target{"taking": drop, "refusing": drop, "failing": drop}})
			if err == nil {
				if err := n.Close(); err != nil {
					t.Errorf("%q %s: close: %v", row[0], what, err)
				}
				continue
			}
			if !errors.Is(err, kv.ErrCorrupt) {
				t.Errorf("%q %s: not an error of damage: %v", row[0], what, err)
			}
			if faults, _ := fsckOf(t, dir, tablecast.FsckOptions{}); faults == "" {
				t.Errorf("%q %s: fsck finds nothing, and the node says %v", row[0], what, err)
			}
		}
	}
}
