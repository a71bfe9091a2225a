package attempt

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// open opens the file as a new process would; the one before ended without a word.
func open(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Work at which two processes ended is told at the third start, all other is not, and
// what passed is forgotten.
func TestEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	for start := 1; start <= 4; start++ {
		l := open(t, path)
		if got := l.Ended("bad"); got != (start >= 3) || l.Ended("good") || l.Ended("once") || l.Remembers() != (start > 1) {
			t.Errorf("start %d: %v", start, got)
		}
		a, b, c := l.Worker(), l.Worker(), l.Worker()
		if start == 1 {
			c.Begin("once")
		}
		a.Begin("good")
		b.Begin("good, too")
		b.End()
		if start < 4 {
			a.Begin("bad")
			continue
		}
		l.Passed("bad")
		l.Passed("once")
		a.Close()
		if l.Ended("bad") || l.Remembers() {
			t.Error("what passed is remembered")
		}
	}
	if l := open(t, path); l.Ended("bad") || l.Remembers() {
		t.Error("what passed is remembered by the next process")
	}
}

// Of several works at which one process ended together, only that is set aside at which
// the next one ended, too: they are done one after the other.
func TestOneIsToBlame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	synctest.Test(t, func(t *testing.T) {
		l := open(t, path)
		for _, what := range []string{"good", "bad", "good, too"} {
			l.Worker().Begin(what)
		}
		l = open(t, path)
		var all sync.WaitGroup
		a, b, c := l.Worker(), l.Worker(), l.Worker()
		a.Begin("good")
		a.Begin("other")
		b.Begin("bad")
		all.Go(func() { c.Begin("good, too") })
		synctest.Wait()
		next := open(t, path)
		if !next.Ended("bad") || next.Ended("good") || next.Ended("good, too") || next.Ended("other") {
			t.Error("other work than the bad one is set aside")
		}
		b.Close()
		all.Wait()
	})
}

// Work at which a process ended and which hangs now keeps other such work waiting, but
// not for ever.
func TestHangingWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	synctest.Test(t, func(t *testing.T) {
		l := open(t, path)
		l.Worker().Begin("hangs")
		l.Worker().Begin("good")
		l = open(t, path)
		l.Worker().Begin("hangs")
		begun := time.Now()
		w := l.Worker()
		w.Begin("good")
		if waited := time.Since(begun); waited != maxAlone {
			t.Errorf("it waited %s", waited)
		}
		w.Close()
	})
}

// What two processes were working on is remembered first, however much the last one
// was working on.
func TestMoreWorkThanIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	open(t, path).Worker().Begin("bad")
	l := open(t, path)
	for n := range 2 * maxEnded {
		l.Worker().Begin(fmt.Sprint(n))
	}
	l.Worker().Begin("bad")
	if l := open(t, path); !l.Ended("bad") {
		t.Error("the work at which two processes ended is not remembered")
	}
}

// Slots are used again, and more work than there are slots for is no harm.
func TestSlots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	l := open(t, path)
	w := l.Worker()
	w.Close()
	if again := l.Worker(); again.slot != w.slot {
		t.Errorf("slot %d after %d", again.slot, w.slot)
	}
	for n := range 200 {
		l.Worker().Begin(Name("work", fmt.Sprint(n), strings.Repeat("x", n*10)))
	}
	l = open(t, path)
	if len(l.ended) != maxEnded || !l.Remembers() {
		t.Errorf("%d are remembered", len(l.ended))
	}
}

// Whatever the file holds, it opens.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ATTEMPTS")
	l := open(t, path)
	l.Worker().Begin("bad")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		b := append([]byte(nil), whole[:rand.IntN(len(whole)+1)]...)
		for range n % 5 {
			if len(b) > 0 {
				b[len(b)-1-rand.IntN(min(len(b), 600))] ^= byte(1 + rand.IntN(255))
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if l := open(t, path); l.Ended("bad") {
			t.Error("one process ended, not two")
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder opens")
	}
}

// Who has no log works as well.
func TestNil(t *testing.T) {
	var l *Log
	w := l.Worker()
	w.Begin("x")
	w.End()
	w.Close()
	l.Passed("x")
	if l.Ended("x") || l.Remembers() || l.Close() != nil {
		t.Error("it remembers")
	}
}

func BenchmarkBegin(b *testing.B) {
	l, err := Open(filepath.Join(b.TempDir(), "ATTEMPTS"))
	if err != nil {
		b.Fatal(err)
	}
	w := l.Worker()
	for b.Loop() {
		w.Begin("[\"relay\" \"users\" \"000000000000000000001\"]")
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
