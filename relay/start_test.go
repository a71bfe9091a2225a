package relay

import (
	"math/rand/v2"
	"testing"

	"github.com/tablecast/tablecast/kv/kvtest"
)

// A definition misses no write from Prepare on, even if Run begins much later,
// in another process.
func TestNoWriteIsMissedWhileStarting(t *testing.T) {
	f := newFolder(t)
	f.put(user(0))
	f.relay(Options{}, definition("A")) // prepared, never run
	f.put(user(1))
	again := f.relay(Options{}, definition("A"))
	f.put(user(2))
	drain(t, again)
	f.expect(of("A", 1), of("A", 2))
}

// Each definition begins where it says, at its first start and only then.
func TestStarts(t *testing.T) {
	f := newFolder(t)
	f.put(user(0))
	drain(t, f.relay(Options{}, definition("A")))
	f.put(user(1)) // A's, while nothing runs
	drain(t, f.relay(Options{}, definition("A"), definition("B")))
	f.put(user(2))
	drain(t, f.relay(Options{}, definition("A"), definition("B"), fromHorizon(definition("C"))))
	f.put(user(3))
	drain(t, f.relay(Options{}, definition("A"), definition("B"), fromHorizon(definition("C"))))
	f.expect(
		of("A", 1),
		of("C", 0), of("C", 1), of("A", 2), of("B", 2), of("C", 2),
		of("A", 3), of("B", 3), of("C", 3),
	)
}

// A definition that the file no longer names and names again begins anew.
func TestRemovedDefinitionBeginsAnew(t *testing.T) {
	f := newFolder(t)
	drain(t, f.relay(Options{}, definition("A"), definition("B")))
	f.put(user(0))
	drain(t, f.relay(Options{}, definition("B")))
	f.put(user(1))
	drain(t, f.relay(Options{}, definition("A"), definition("B")))
	f.put(user(2))
	drain(t, f.relay(Options{}, definition("A"), definition("B")))
	f.expect(of("B", 0), of("B", 1), of("A", 2), of("B", 2))
}

// Definitions come and go, the power fails, and still each one raises an event
// for each change since its start, once.
func TestRandomStarts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed+round, 0))
		fs := kvtest.NewCrashFS(seed + round)
		f := openFolder(t, fs)
		f.create()
		since := map[string]int{} // first user of each definition
		written := 0
		for generation := range 6 {
			name := string(rune('A' + generation))
			since[name] = written
			if rng.IntN(2) == 0 {
				since[name] = 0
			}
			r := f.relay(Options{}, definitions(since, written)...)
			runs(t, r, func() {
				for range rng.IntN(20) {
					f.put(user(written))
					written++
				}
			})
			if rng.IntN(2) == 0 {
				fs = fs.Clone(rng.IntN(101))
				f = openFolder(t, fs)
			}
		}
		drain(t, f.relay(Options{}, definitions(since, -1)...))
		checkStarts(t, f, since, written)
	}
}

func checkStarts(t *testing.T, f *folder, since map[string]int, written int) {
	t.Helper()
	count := map[string]int{}
	for _, e := range f.events() {
		count[e]++
	}
	total := 0
	for name, first := range since {
		for n := first; n < written; n++ {
			total++
			if got := count[of(name, n)]; got != 1 {
				t.Errorf("%s: %d times", of(name, n), got)
			}
		}
	}
	if len(count) != total {
		t.Errorf("%d different events, want %d", len(count), total)
	}
}

// The cursor of a table that cannot be read is an error, not a fresh start.
func TestDamagedCursor(t *testing.T) {
	f := newFolder(t)
	kvtest.Put(t, f.store, string(cursorKey("users")), "{")
	if err := New(Options{Store: f.store, Streams: f.streams, Table: "users"}).Prepare(); err == nil {
		t.Error("Prepare took a damaged cursor")
	}
	if v, err := f.store.Get(cursorKey("users")); err != nil || string(v) != "{" {
		t.Errorf("the cursor is %q, %v", v, err)
	}
}
