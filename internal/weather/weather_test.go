package weather

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const weatherConfig = `
tables: { items: { key: id, stream: new-image } }
buses: [main]
events:
  ItemChanged: { from: items, on: [insert, modify], source: mine, bus: main, detail: { n: "${new.n}", half: "${new.half}", poison: "${new.poison}" } }
rules:
  plain: { bus: main, description: %q, pattern: { source: [mine] }, targets: [ { go: plain } ] }
  ordered: { bus: main, pattern: { source: [mine] }, targets: [ { go: ordered, order: true } ] }
  small: { bus: main, pattern: { detail: { half: [true] } }, targets: [ { go: small, retry: { attempts: 3, age: 10m } } ] }
`

// day is how long one world lasts.
const day = 24 * time.Hour

// TestWeather runs simulated days, one world each.
func TestWeather(t *testing.T) {
	short := 2 * 24
	if testing.Short() {
		short = 24
	}
	c := campaigntest.Start(t, "weather", "simulated hours", short)
	deliveries, kills := 0, 0
	for n := uint64(0); c.Done < c.N; n++ {
		w := &world{rand: c.Rand(n), fs: vfs.NewCrashableMem(), ledgers: map[string]*ledger{}}
		for _, rule := range []string{"plain", "ordered", "small", "churn"} {
			w.ledgers[rule] = newLedger(rule, rule == "ordered")
		}
		for w.passed < day {
			synctest.Test(t, w.spell)
			if t.Failed() {
				t.Fatalf("in day %d", n)
			}
		}
		synctest.Test(t, w.settle)
		deliveries, kills = deliveries+w.deliveries, kills+w.age
		if c.Done += int(day / time.Hour); t.Failed() {
			t.Fatalf("after day %d", n)
		}
	}
	t.Logf("%d calls of targets, %d nodes", deliveries, kills)
}

// A world is a folder, its node, and what the outside world knows of them.
type world struct {
	t      *testing.T
	rand   *rand.Rand // guarded by mu, as the targets use it
	fs     *vfs.MemFS
	node   *tablecast.Node
	passed time.Duration // of the day

	next   int // number of the next event
	parked int // items that cannot be mapped
	churn  churn

	mu         sync.Mutex
	age        int // how many nodes there were; guarded by mu, as all below
	ledgers    map[string]*ledger
	deliveries int
}

// churn is the state of the rule that changes.
type churn struct{ exists, enabled, half, target bool }

func (w *world) intN(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n)
}

// open opens the folder as a new process would.
func (w *world) open() {
	w.mu.Lock()
	w.age++
	age := w.age
	w.mu.Unlock()
	targets := map[string]target.Target{}
	for name := range w.ledgers {
		targets[name] = target.Func(func(ctx context.Context, d *target.Delivery) (target.Response, error) { return w.deliver(ctx, d, age) })
	}
	var err error
	w.node, err = tablecast.Open("data", tablecast.Options{FS: w.fs, Config: w.config("as it was"), Targets: targets, Fatal: func(err error) { w.t.Errorf("fatal: %v", err) }})
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	synctest.Wait()
}

func (w *world) config(description string) *config.File {
	file, err := config.Parse("weather.yaml", fmt.Appendf(nil, weatherConfig, description))
	if err != nil {
		w.t.Fatal(err)
	}
	return file
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// spell lets a part of a day pass, in a bubble.
func (w *world) spell(t *testing.T) {
	w.t = t
	w.open()
	for end := time.Duration(4+w.intN(5)) * time.Hour; end > 0 && w.passed < day && !t.Failed(); {
		w.act()
		pause := time.Duration(1+w.intN(12*60)) * time.Second
		time.Sleep(pause)
		end, w.passed = end-pause, w.passed+pause
	}
	w.must(w.node.Close())
}

// act does one thing that users, operators or fate do.
func (w *world) act() {
	ctx := context.Background()
	switch n := w.intN(40); {
	case n < 14:
		w.put(ctx)
	case n < 26:
		w.write(ctx)
	case n < 31:
		w.mu.Lock()
		w.ledgers[[]string{"plain", "ordered", "small", "churn"}[w.rand.IntN(4)]].mood = pick(w.rand)
		w.mu.Unlock()
	case n < 34:
		w.change(ctx)
	case n < 35:
		w.redrive(ctx)
	case n < 36:
		w.must(w.node.Reload(ctx, w.config(fmt.Sprint("another ", w.passed))))
	case n < 38:
		w.must(w.node.Close())
		down := time.Duration(w.intN(3*3600)) * time.Second
		time.Sleep(down)
		w.passed += down
		w.open()
	case n < 39:
		w.kill()
	default:
		w.audit()
	}
	synctest.Wait()
}

// kill cuts the power: what was not synced is lost in part, and nobody sees what
// the old process still does.
func (w *world) kill() {
	w.mu.Lock()
	w.age++
	for _, l := range w.ledgers {
		l.cut()
	}
	rng := rand.New(rand.NewPCG(w.rand.Uint64(), 1))
	after := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: w.rand.IntN(101), RNG: rng})
	w.mu.Unlock()
	w.must(w.node.Close())
	w.fs = after
	w.open()
}

// expect notes that the next event will be put, and which rules match it.
func (w *world) expect(half bool) (n int) {
	w.next++
	w.mu.Lock()
	defer w.mu.Unlock()
	for rule, l := range w.ledgers {
		if rule == "small" && !half || rule == "churn" && !w.churn.matches(half) {
			continue
		}
		l.matched[w.next] = &call{}
	}
	return w.next
}

func (c churn) matches(half bool) bool {
	return c.exists && c.enabled && c.target && (half || !c.half)
}

// put puts a few events at once, in a few groups.
func (w *world) put(ctx context.Context) {
	var entries []bus.Entry
	for range 1 + w.intN(10) {
		half, poison := w.intN(2) == 0, w.intN(40) == 0
		detail := fmt.Appendf(nil, `{"n":%d,"half":%t,"poison":%t}`, w.expect(half), half, poison)
		entries = append(entries, bus.Entry{Bus: "main", Source: "mine", DetailType: "Put", Detail: detail, Group: fmt.Sprint("g", w.intN(3))})
	}
	results, err := w.node.Buses().Put(ctx, entries)
	w.must(err)
	for _, r := range results {
		if r.Err != nil {
			w.t.Errorf("put: %v", r.Err)
		}
	}
}

// write writes items, one of which now and then has what cannot be mapped.
func (w *world) write(ctx context.Context) {
	for range 1 + w.intN(10) {
		if w.intN(100) == 0 {
			w.parked++
			_, err := w.node.Tables().Put(ctx, table.PutRequest{Table: "items", Item: item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprint("bad", w.parked))})})
			w.must(err)
			continue
		}
		half := w.intN(2) == 0
		n, err := item.N(fmt.Sprint(w.expect(half)))
		w.must(err)
		fields := []item.Field{{Name: "id", Value: item.S(fmt.Sprint("i", w.intN(4)))}, {Name: "n", Value: n}, {Name: "half", Value: item.BoolOf(half)}, {Name: "poison", Value: item.BoolOf(w.intN(40) == 0)}}
		_, err = w.node.Tables().Put(ctx, table.PutRequest{Table: "items", Item: item.MapOf(fields...)})
		w.must(err)
	}
}

// change changes the rule that changes: what it matches, whether it is enabled,
// whether it has a target.
func (w *world) change(context.Context) {
	buses := w.node.Buses()
	c := &w.churn
	switch w.intN(4) {
	case 0:
		c.half = !c.half
	case 1:
		c.enabled = !c.enabled
	case 2:
		if c.target && c.exists {
			_, err := buses.RemoveTargets("main", "churn", []string{"t"})
			w.must(err)
			c.target = false
			w.mu.Lock()
			w.ledgers["churn"].dropped = true
			w.mu.Unlock()
			return
		}
		fallthrough
	default:
		c.target = true
	}
	pattern := `{"source":["mine"]}`
	if c.half {
		pattern = `{"source":["mine"],"detail":{"half":[true]}}`
	}
	w.must(buses.PutRule(bus.Rule{Bus: "main", Name: "churn", Pattern: pattern, Disabled: !c.enabled}))
	c.exists = true
	if c.target {
		w.must(buses.PutTargets("main", "churn", []bus.Target{{ID: "t", ARN: "go:churn"}}))
	}
}

// redrive sends dead letters again.
func (w *world) redrive(ctx context.Context) {
	rule := []string{"plain", "ordered", "small", "churn"}[w.intN(4)]
	for _, n := range w.dead(rule) {
		w.mu.Lock()
		w.ledgers[rule].matched[n].redriven = true
		w.mu.Unlock()
	}
	_, err := w.node.Queues().Redrive(ctx, delivery.DeadFilter{Bus: "main", Rule: rule}, func(delivery.RedriveResult) {})
	w.must(err)
}
