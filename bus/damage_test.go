package bus

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
)

// fill accepts events, some in a batch, and returns their numbers.
func (w *world) fill(events, batch int) []uint64 {
	w.t.Helper()
	from := len(w.accepted)
	for i := 0; i < events; i += batch {
		var list []Outgoing
		for j := range batch {
			o := out(Default, "s")
			o.Event.ID, o.Event.Time, o.Event.Detail = fmt.Sprint(i+j), time.Unix(9e8, 0), fmt.Appendf(nil, `{"n":%d}`, i+j)
			list = append(list, o)
		}
		w.must(w.Accept(w.t.Context(), list, func(*kv.Batch) {}))
	}
	var seqs []uint64
	for _, a := range w.accepted[from:] {
		seqs = append(seqs, a.Seq)
	}
	return seqs
}

// finish takes a replay to its end.
func (w *world) finish(name string) Replay {
	w.t.Helper()
	for range 1000 {
		w.must(w.stepReplay(name))
		if r, err := w.Replay(name); err != nil || r.Over() {
			w.must(err)
			return r
		}
	}
	w.t.Fatalf("replay %s does not end", name)
	return Replay{}
}

// A damaged entry or segment is named and ends the replay; nothing is passed
// over, wherever a batch of the replay ends.
func TestDamagedArchive(t *testing.T) {
	const events, at = 5000, 700 // in two segments; in the second batch of a replay
	for name, c := range map[string]struct {
		damage func(b *kv.Batch, seqs []uint64)
		want   func(seqs []uint64) string
	}{
		"entry rewritten": {
			func(b *kv.Batch, seqs []uint64) { b.Set(entryPrefix("a").Uint64(seqs[at]), []byte("nonsense")) },
			func(seqs []uint64) string { return fmt.Sprintf("event %d of archive a", seqs[at]) },
		},
		"entry missing": {
			func(b *kv.Batch, seqs []uint64) { b.Delete(entryPrefix("a").Uint64(seqs[at])) },
			func(seqs []uint64) string {
				return fmt.Sprintf("segment %d of archive a holds 4095 events of 4096", seqs[0])
			},
		},
		"entry too many": {
			func(b *kv.Batch, seqs []uint64) { b.Set(entryPrefix("a").Uint64(seqs[0]-1), []byte("nonsense")) },
			func(seqs []uint64) string { return fmt.Sprintf("event %d of archive a is in no segment", seqs[0]-1) },
		},
		"first segment missing": {
			func(b *kv.Batch, seqs []uint64) { b.Delete(segmentPrefix("a").Uint64(seqs[0])) },
			func(seqs []uint64) string { return fmt.Sprintf("event %d of archive a is in no segment", seqs[0]) },
		},
		"last segment missing": {
			func(b *kv.Batch, seqs []uint64) { b.Delete(segmentPrefix("a").Uint64(seqs[segmentEvents])) },
			func(seqs []uint64) string {
				return fmt.Sprintf("event %d of archive a is in no segment", seqs[segmentEvents])
			},
		},
		"segment rewritten": {
			func(b *kv.Batch, seqs []uint64) {
				b.Set(segmentPrefix("a").Uint64(seqs[segmentEvents]), []byte("nonsense"))
			},
			func(seqs []uint64) string { return fmt.Sprintf("segment %d of archive a", seqs[segmentEvents]) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := memory(t, Options{})
			w.archiveAll("a", "", 0)
			seqs := w.fill(events, 500)
			b := w.store.NewBatch()
			c.damage(b, seqs)
			_, err := w.store.Commit(b)
			w.must(err)
			_, err = w.StartReplay(Replay{Name: "x", Archive: "a", Bus: Default, From: time.Unix(0, 0), To: time.Now()})
			if err != nil {
				if !strings.Contains(err.Error(), c.want(seqs)) {
					t.Errorf("start: %v, want %s", err, c.want(seqs))
				}
				return
			}
			if r := w.finish("x"); r.State != ReplayFailed || !strings.Contains(r.Reason, c.want(seqs)) {
				t.Errorf("replay %+v, want %s", r, c.want(seqs))
			}
		})
	}
}

// Flip a byte of the disk, and a replay sends all or fails with a word of what is
// damaged; it never completes with less.
func TestFlippedArchive(t *testing.T) {
	const events = 1000
	fs := vfs.NewCrashableMem()
	w := &world{t: t, bodies: map[string][]string{}}
	w.open(fs)
	w.archiveAll("a", "", 0)
	w.fill(events, 100)
	w.close()
	w.open(fs) // replays the log into tables
	w.close()
	sent, failed := 0, 0
	for _, name := range tables(t, fs) {
		content := read(t, fs, name)
		for at := len(content) / 20; at < len(content); at += len(content)/10 + 1 {
			damaged := slices.Clone(content)
			damaged[at] ^= 0x10
			switch flipped(t, fs, name, damaged, events) {
			case ReplayCompleted:
				sent++
			default:
				failed++
			}
		}
	}
	if sent == 0 || failed < 5 {
		t.Errorf("%d replays sent all, %d failed", sent, failed)
	}
}

// flipped replays the archive of a copy of a store that has a damaged file, and
// returns the state of the replay; empty if the store does not even open.
func flipped(t *testing.T, fs *vfs.MemFS, name string, content []byte, events uint64) string {
	t.Helper()
	fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bodies: map[string][]string{}, opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	if w.store, err = kv.Open("data", kv.Options{FS: fs, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}); err != nil {
		return ""
	}
	defer w.store.Close()
	if err := w.restart(); err != nil {
		return ""
	}
	_, err = w.StartReplay(Replay{Name: "x", Archive: "a", Bus: Default, From: time.Unix(0, 0), To: time.Now()})
	if err != nil {
		return ""
	}
	r := w.finish("x")
	if r.State == ReplayCompleted && r.Sent != events || r.State == ReplayFailed && !strings.Contains(r.Reason, "corrupt") {
		t.Errorf("%s: %+v", name, r)
	}
	return r.State
}

// tables returns the names of a store's tables.
func tables(t *testing.T, fs vfs.FS) (names []string) {
	t.Helper()
	list, err := fs.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if strings.HasSuffix(name, ".sst") {
			names = append(names, "data/store/"+name)
		}
	}
	return names
}

func read(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var content bytes.Buffer
	if _, err := io.Copy(&content, f); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}
