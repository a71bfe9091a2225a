package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// Random histories of rules, targets, events, failing targets and power losses:
// P6 holds for each rule in each snapshot and after each restart, and what
// matched is what the rules in force say.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) { (&history{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), seed: seed}).run() })
	})
}

// A history drives a world by random and knows what it should count.
type history struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	w       *world
	fs      *vfs.MemFS
	matched map[delivery.QueueID]uint64
	puts    int
}

var sourcesOfHistory = []string{"a", "b", "c"}

func (h *history) run() {
	h.fs, h.matched = vfs.NewCrashableMem(), map[delivery.QueueID]uint64{}
	h.w = &world{t: h.t, bodies: map[string][]string{}}
	calls := h.seed
	h.w.answer = func(string) error { // called under the world's mu
		calls += 0x9e3779b97f4a7c15
		switch calls >> 61 {
		case 0, 1, 2:
			return errors.New("flaky")
		case 3:
			return &target.Error{Code: target.CodeClientError, Permanent: true}
		}
		return nil
	}
	h.w.open(h.fs)
	stop := h.w.run()
	for range 60 {
		switch n := h.rnd.IntN(20); {
		case n == 0:
			stop()
			h.crash()
			stop = h.w.run()
		case n < 8:
			h.change()
		default:
			h.put()
		}
		if h.rnd.IntN(4) == 0 {
			time.Sleep(time.Duration(h.rnd.IntN(2000)) * time.Millisecond)
		}
		h.check()
	}
	after(5 * time.Minute)
	stop()
	h.check()
	for _, s := range h.w.queues.States() {
		if s.Pending() != 0 {
			h.t.Errorf("seed %d: %+v", h.seed, s)
		}
	}
	h.w.close()
}

// crash goes on from what a power loss leaves.
func (h *history) crash() {
	left := h.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: h.rnd.IntN(101), RNG: h.rnd})
	h.w.close()
	h.fs = left
	h.w.open(left)
}

func (h *history) bus() string  { return []string{Default, "main"}[h.rnd.IntN(2)] }
func (h *history) name() string { return []string{"r", "s", "t"}[h.rnd.IntN(3)] }

// change changes a bus, rule or target; refusals are as good as successes.
func (h *history) change() {
	bus, rule := h.bus(), h.name()
	var err error
	switch h.rnd.IntN(9) {
	case 0:
		err = h.w.Create(Bus{Name: "main"})
	case 1:
		err = h.w.Delete("main")
	case 2:
		err = h.w.DeleteRule(bus, rule)
	case 3:
		_, err = h.w.RemoveTargets(bus, rule, []string{h.name(), h.name()})
	case 4:
		err = h.w.SetEnabled(bus, rule, h.rnd.IntN(3) > 0)
	case 5, 6:
		err = h.w.PutRule(Rule{Bus: bus, Name: rule, Pattern: bySource(sourcesOfHistory[h.rnd.IntN(2)])})
	default:
		retries := h.rnd.IntN(4)
		err = h.w.PutTargets(bus, rule, []Target{
			{ID: h.name(), ARN: "log:x", MaxRetries: &retries, Ordered: h.rnd.IntN(2) == 0, InputPath: []string{"", "$.id", "$.nothing"}[h.rnd.IntN(3)]},
		})
	}
	for _, refusal := range []error{nil, ErrBusExists, ErrBusNotFound, ErrBusHasRules, ErrRuleNotFound, ErrRuleHasTargets} {
		if errors.Is(err, refusal) {
			return
		}
	}
	h.t.Fatalf("seed %d: %v", h.seed, err)
}

// put puts a batch of events, as a producer or as the relay.
func (h *history) put() {
	var entries []Entry
	var outgoing []Outgoing
	for range 1 + h.rnd.IntN(4) {
		bus, source := h.bus(), sourcesOfHistory[h.rnd.IntN(3)]
		entries = append(entries, Entry{Bus: bus, Source: source, DetailType: "T", Detail: []byte(`{}`)})
		o := out(bus, source)
		o.Event.Group = fmt.Sprint(h.rnd.IntN(3))
		outgoing = append(outgoing, o)
	}
	expected := h.expect(entries)
	if h.rnd.IntN(2) == 0 {
		if _, err := h.w.Put(h.t.Context(), entries); err != nil {
			h.t.Fatalf("seed %d: %v", h.seed, err)
		}
	} else {
		h.puts++
		err := h.w.Accept(h.t.Context(), outgoing, func(b *kv.Batch) { b.Set(kv.NewKey('c'), binary.AppendUvarint(nil, uint64(h.puts))) })
		if errors.Is(err, ErrBusNotFound) {
			return
		}
		if err != nil {
			h.t.Fatalf("seed %d: %v", h.seed, err)
		}
	}
	for _, q := range expected {
		h.matched[q]++
	}
}

// expect says which queues should get the entries.
func (h *history) expect(entries []Entry) (out []delivery.QueueID) {
	for _, e := range entries {
		rules, err := h.w.Rules(e.Bus, "")
		if errors.Is(err, ErrBusNotFound) {
			continue
		}
		for _, r := range rules {
			if r.Disabled || r.Pattern != bySource(e.Source) {
				continue
			}
			for _, t := range r.Targets {
				out = append(out, delivery.QueueID{Bus: r.Bus, Rule: r.Name, Target: t.ID})
			}
		}
	}
	return out
}

// check holds the counters of one snapshot against its rows, its dead letters
// and its events, and against what was expected.
func (h *history) check() {
	h.t.Helper()
	s := h.w.store.Snapshot()
	defer s.Close()
	type key = delivery.QueueID
	rows, dead := map[key]uint64{}, map[key]uint64{}
	for _, place := range []struct {
		prefix kv.Key
		found  map[key]uint64
	}{{kv.NewKey('d').Raw([]byte{'r'}), rows}, {kv.NewKey('x'), dead}} {
		h.each(s, place.prefix, func(k *kv.KeyReader, _ []byte) {
			id := key{Bus: k.String(), Rule: k.String(), Target: k.String()}
			place.found[id]++
			if seq := k.Uint64(); place.prefix[0] == 'd' {
				if _, err := s.Get(eventKey(id.Bus, seq)); err != nil {
					h.t.Errorf("seed %d: row %v %d: %v", h.seed, id, seq, err)
				}
			}
		})
	}
	seen := map[key]bool{}
	h.each(s, kv.NewKey('n'), func(k *kv.KeyReader, v []byte) {
		id := key{Bus: k.String(), Rule: k.String(), Target: k.String()}
		seen[id] = true
		var n [4]uint64 // matched, delivered, dead-lettered, dropped
		for i := range n {
			x, size := binary.Uvarint(v)
			n[i], v = x, v[size:]
		}
		if n[0] != n[1]+n[2]+n[3]+rows[id] || n[2] != dead[id] || n[0] != h.matched[id] {
			h.t.Fatalf("seed %d: %v: matched %d (expected %d), delivered %d, dead %d (%d stored), dropped %d, pending %d",
				h.seed, id, n[0], h.matched[id], n[1], n[2], dead[id], n[3], rows[id])
		}
	})
	for id, n := range h.matched {
		if n > 0 && !seen[id] || !seen[id] && rows[id] > 0 {
			h.t.Fatalf("seed %d: %v: %d matched, not counted", h.seed, id, n)
		}
	}
}

func (h *history) each(r kv.Reader, prefix kv.Key, fn func(k *kv.KeyReader, value []byte)) {
	it := r.Scan(kv.Prefix(prefix))
	for it.Next() {
		fn(kv.ReadKey(slices.Concat([]byte{0}, it.Key()[len(prefix):])), it.Value())
	}
	if err := it.Close(); err != nil {
		h.t.Error(err)
	}
}
