package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// Items are written, some of them so that they cannot be mapped; sinks reject;
// parked records are redriven; the mapping is mended; the power fails. Whenever
// it does, what is left tells of each item a prefix of its history, in order and
// each state once, and in the end the whole.
func TestParkingModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for cycle := range uint64(10) {
		m := &model{t: t, rng: rand.New(rand.NewPCG(seed, cycle)), history: map[string][]int{}}
		fs := kvtest.NewCrashFS(seed + cycle)
		f := openFolder(t, fs)
		f.create()
		for range 4 {
			m.life(f)
			m.check(f, false)
			if m.rng.IntN(2) == 0 {
				continue // an orderly restart
			}
			fs = fs.Clone(m.rng.IntN(101)) // the power fails
			f = openFolder(t, fs)
			m.check(f, false)
		}
		m.mend(f)
		m.check(f, true)
	}
}

type model struct {
	t       *testing.T
	rng     *rand.Rand
	history map[string][]int // states of each item, acknowledged
	next    int
}

// life runs a relay for some writes.
func (m *model) life(f *folder) {
	rejects := rand.New(rand.NewPCG(m.rng.Uint64(), 0))
	sink := func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		if len(events) > 0 && rejects.IntN(6) == 0 {
			return fmt.Errorf("%w: for now", ErrRejected)
		}
		return f.keep(ctx, events, mark)
	}
	r := f.relay(Options{Sink: sink, Set: set("1", raising("E"))}, raising("E"))
	runs(m.t, r, func() {
		for range 40 {
			m.write(f)
			if m.rng.IntN(12) == 0 {
				m.redrive(r)
			}
		}
		await(m.t, r, func(s Status) bool { return s.Position >= s.End })
		m.redrive(r)
	})
	if s := r.Status(); s.Parked != uint64(len(f.parked())) {
		m.t.Errorf("%d parked by the count, %d by the rows", s.Parked, len(f.parked()))
	}
}

func (m *model) redrive(r *Relay) {
	if _, err := r.Redrive(m.t.Context(), parking.Selection{}, false, func(parking.Redriven) {}); err != nil {
		m.t.Fatal(err)
	}
}

// write changes an item; one state in five cannot be mapped, but shows in m.
func (m *model) write(f *folder) {
	id := user(m.rng.IntN(6))
	m.next++
	if m.rng.IntN(5) == 0 {
		f.write(id, fmt.Sprintf(`,"m":{"N":"%d"}`, m.next))
	} else {
		f.write(id, fmt.Sprintf(`,"n":{"N":"%d"}`, m.next))
	}
	m.history[id] = append(m.history[id], m.next)
}

// mend takes a mapping that knows both, and raises all that is parked.
func (m *model) mend(f *folder) {
	d := raising("E")
	n, err := mapping.Scope{}.Text("${new.?n.or(new.?m)}")
	if err != nil {
		m.t.Fatal(err)
	}
	id, err := mapping.Scope{}.Text("${keys.id}")
	if err != nil {
		m.t.Fatal(err)
	}
	d.Detail = mapping.Object([]string{"id", "n"}, []*mapping.Template{id, n})
	r := f.relay(Options{Set: set("2", d)}, d)
	runs(m.t, r, func() {
		await(m.t, r, func(s Status) bool { return s.Position >= s.End })
		m.redrive(r)
	})
	if left := f.parked(); len(left) > 0 {
		m.t.Errorf("%d stay parked: %s", len(left), left[0].Error)
	}
}

// check compares the events with the histories.
func (m *model) check(f *folder, whole bool) {
	m.t.Helper()
	shown := map[string][]int{}
	for _, e := range f.events() {
		var d struct {
			ID string `json:"id"`
			N  int    `json:"n"`
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(e, "E ")), &d); err != nil {
			m.t.Fatal(err)
		}
		shown[d.ID] = append(shown[d.ID], d.N)
	}
	for id, states := range m.history {
		got := shown[id]
		if len(got) > len(states) || !slices.Equal(got, states[:len(got)]) || whole && len(got) < len(states) {
			m.t.Errorf("%s was %v, and events show %v", id, states, got)
		}
	}
	f.uniqueIDs()
}
