package eventsource

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/parking"
)

// newest returns the newest stored change record and its key, which ends with the
// sequence number.
func (w *world) newest() (key, value []byte) {
	w.t.Helper()
	it := w.store.Scan(kv.Prefix(kv.NewKey('r')))
	for it.Next() {
		if k := it.Key(); key == nil || bytes.Compare(k[len(k)-8:], key[len(key)-8:]) > 0 {
			key, value = slices.Clone(k), slices.Clone(it.Value())
		}
	}
	if err := it.Close(); err != nil || key == nil {
		w.t.Fatal(key, err)
	}
	return key, value
}

func (w *world) store1(key, value []byte) {
	w.t.Helper()
	b := w.store.NewBatch()
	b.Set(key, value)
	if _, err := w.store.Commit(b); err != nil {
		w.t.Fatal(err)
	}
}

// A stored record that is damaged halts its shard before it: what came before is
// handed over, the other shards go on, nothing is passed, and the mapping tells.
// Once the record is mended, a change of the mapping lets it go on.
func TestDamagedRecordHaltsItsShard(t *testing.T) {
	w := start(t, takeAll, Options{})
	w.put("u0", 0)
	w.put("u0", 1)
	key, whole := w.newest()
	w.put("u0", 2)
	w.store1(key, whole[:12])
	m := w.mapped(func(m *Mapping) { m.Parallel = 2 })
	for i := range 8 { // some of them in the other shard
		w.put(fmt.Sprint("u", i), 3)
	}
	w.await("a halt", func() bool { return w.Halted() != nil })
	if err := w.Halted(); !strings.Contains(err.Error(), m.UUID) || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	w.await("the other shard", func() bool { return w.status(m.UUID).Delivered > 2 })
	s := w.status(m.UUID)
	if s.Halted == "" || !strings.HasPrefix(s.Result, "PROBLEM: halted at shard") {
		t.Errorf("%+v", s)
	}
	for _, b := range w.seen() {
		for _, c := range b {
			if c.id == "u0" && c.n != 0 {
				t.Errorf("u0: change %d was handed over behind the damage", c.n)
			}
		}
	}
	if quiet, err := w.Quiet(); quiet {
		t.Error("quiet while it halts", err)
	}
	w.store1(key, whole)
	_, err := w.Update(m.UUID, func(s *Settings) { s.BatchSize = 10 })
	must(t, err)
	if s := w.settled(m.UUID, 11); s.Delivered != 11 || w.Halted() != nil {
		t.Errorf("mended: %+v, %v", s, w.Halted())
	}
}

// A damaged checkpoint halts its shard, and nothing is read anew over it.
func TestDamagedCheckpointHalts(t *testing.T) {
	fs := kvtest.NewCrashFS(1)
	w := open(t, fs, takeAll, Options{})
	w.create()
	m := w.mapped(nil)
	w.put("a", 0)
	w.settled(m.UUID, 1)
	_, err := w.Update(m.UUID, func(s *Settings) { s.Enabled = false })
	must(t, err)
	w.await("disabled", func() bool { return w.status(m.UUID).State == Disabled })
	for _, info := range w.users().Shards() {
		w.store1(checkpointKey(m.UUID, info.Number), []byte(`{"position":`))
	}
	_, err = w.Update(m.UUID, func(s *Settings) { s.Enabled = true })
	must(t, err)
	w.await("a halt", func() bool { return w.Halted() != nil })
	if n := len(w.seen()); n != 1 {
		t.Errorf("%d batches", n)
	}
	w.stop()
	w = open(t, fs.Clone(0), takeAll, Options{})
	w.await("a halt after a restart", func() bool { return w.Halted() != nil })
	if n := len(w.seen()); n != 0 {
		t.Errorf("%d batches after a restart", n)
	}
}

func TestDecide(t *testing.T) {
	park, block := Defaults(), Defaults()
	block.OnError, block.MaxRetry = Block, 3
	send := block
	send.OnFailure = DeadLetters
	window := Defaults()
	window.TumblingWindow = 60
	for _, c := range []struct {
		s    Settings
		f    failure
		want parking.Decision
	}{
		{park, failure{err: kv.ErrCorrupt}, parking.Halt},
		{park, failure{err: parking.ErrDamaged}, parking.Halt},
		{park, failure{err: kv.ErrDiskFull}, parking.Retry},
		{park, failure{records: 2, failures: 1}, parking.Split},
		{park, failure{records: 1, failures: 2}, parking.Retry},
		{park, failure{records: 1, failures: 3}, parking.Park},
		{park, failure{records: 5, tooOld: true}, parking.Drop},
		{block, failure{records: 2, failures: 3}, parking.Retry},
		{block, failure{records: 2, failures: 4}, parking.Drop},
		{send, failure{records: 2, failures: 4}, parking.Send},
		{send, failure{records: 2, tooOld: true}, parking.Send},
		{window, failure{records: 1, failures: 3}, parking.Drop},
	} {
		if got, reason := decide(&c.s, c.f); got != c.want || reason == "" {
			t.Errorf("%+v: %v (%s), want %v", c.f, got, reason, c.want)
		}
	}
}
