package history

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/table"
)

// lives is how many power losses a folder sees. Creation can be cut, too.
const lives = 10

// TestPowerLoss cuts the power under the whole node, over and over: at a random
// operation of the file system, be it while the folder is made, while Open
// recovers it, while clients write, or while the node closes. Of what the file
// system was not told to sync, a random part is lost. It checks the promises on
// what the next node finds.
func TestPowerLoss(t *testing.T) {
	short := 300
	if testing.Short() {
		short = 50
	}
	c := campaigntest.Start(t, "power", "power losses", short)
	var next, done, acked atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1); int(i-1)*lives < c.N && !t.Failed(); i = next.Add(1) {
				h := &powerHistory{rand: c.Rand(uint64(i)), fs: vfs.NewCrashableMem(), sent: map[string]bool{}, acked: map[string]bool{}, delivered: map[string]bool{}}
				synctest.Test(t, func(t *testing.T) { h.run(t, i, min(lives, c.N-int(i-1)*lives), &done) })
				acked.Add(int64(len(h.acked)))
			}
		})
	}
	workers.Wait()
	c.Done = int(done.Load())
	t.Logf("%d users acknowledged", acked.Load())
}

// run is the history of one folder.
func (h *powerHistory) run(t *testing.T, number int64, lives int, done *atomic.Int64) {
	for life := range lives {
		h.late = life >= lives/2 // an index comes late: filling it can be cut, too
		h.live(t)
		if t.Failed() {
			t.Fatalf("in life %d of history %d", life, number)
		}
		done.Add(1)
	}
	node := h.open(t, h.fs)
	h.check(t, node)
	if err := node.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := checkFolder(h.fs); err != nil {
		t.Error(err)
	}
}

// checkFolder returns what fsck finds in a folder that no node has open.
func checkFolder(fs vfs.FS) error {
	report, err := tablecast.Fsck(context.Background(), "data", tablecast.FsckOptions{FS: fs})
	if err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	if faults, _ := report.Faults(); len(faults) > 0 {
		return fmt.Errorf("P7: fsck: %v", faults)
	}
	return nil
}

const powerConfig = `
tables:
  users: { key: id, stream: new-image, indexes: { by-check: { key: check, project: keys }%s } }
  ledger: { key: id }
buses: [main]
events:
  UserCreated: { from: users, on: insert, source: myapp.users, bus: main }
rules:
  user-created:
    bus: main
    pattern: { source: [myapp.users] }
    targets: [ { log: "-" } ]
`

// A powerHistory is what the outside world knows of the node of one folder.
type powerHistory struct {
	rand *rand.Rand
	fs   *vfs.MemFS
	late bool // the file names the late index

	mu        sync.Mutex
	next      int
	sent      map[string]bool
	acked     map[string]bool
	delivered map[string]bool // user ids; guarded by mu, as all above
}

// Write implements io.Writer for the log target: the outside world sees each
// delivered event.
func (h *powerHistory) Write(line []byte) (int, error) {
	var e struct {
		Detail struct{ ID string }
	}
	if err := json.Unmarshal(line, &e, json.MatchCaseInsensitiveNames(true)); err == nil {
		h.mu.Lock()
		h.delivered[e.Detail.ID] = true
		h.mu.Unlock()
	}
	return len(line), nil
}

func (h *powerHistory) open(t *testing.T, fs vfs.FS) *tablecast.Node {
	t.Helper()
	late := ""
	if h.late {
		late = ", late: { key: check }"
	}
	file, err := config.Parse("power.yaml", fmt.Appendf(nil, powerConfig, late))
	if err != nil {
		t.Fatal(err)
	}
	var out io.Writer = h
	node, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: file, Stdout: out, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		t.Fatalf("open after a power loss: %v", err)
	}
	return node
}

// live opens the node, checks what it finds, writes, and closes it. The power
// fails at a random moment of all that; what goes on after it is not known to the
// outside world.
func (h *powerHistory) live(t *testing.T) {
	t.Helper()
	var after *vfs.MemFS
	var acked, heard map[string]bool
	// cut runs on whichever goroutine calls the file system, and takes no part in
	// the choices of this one.
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: h.unsynced(), RNG: rand.New(rand.NewPCG(h.rand.Uint64(), 0))}
	cut := func() {
		h.mu.Lock()
		acked, heard = maps.Clone(h.acked), maps.Clone(h.delivered)
		h.mu.Unlock()
		after = h.fs.CrashClone(cfg)
	}
	fs := kvtest.NewCutFS(h.fs, cut)
	recovery := h.rand.IntN(2) == 0
	if recovery { // Open passes about 100 points
		fs.Arm(1 + h.rand.IntN(150))
	}
	node := h.open(t, fs)
	h.check(t, node)
	if !recovery { // the rest passes 20 to 50; some nodes are closed before the cut
		fs.Arm(1 + h.rand.IntN(50))
	}
	var writing sync.WaitGroup
	for range 2 {
		n := 1 + h.rand.IntN(6)
		writing.Go(func() { h.write(t, node, n) })
	}
	writing.Wait()
	if err := node.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if after == nil {
		cut()
	}
	h.fs, h.acked, h.delivered = after, acked, heard
}

// unsynced picks how much unsynced data a power loss keeps: often all or none.
func (h *powerHistory) unsynced() int {
	return []int{0, 100, h.rand.IntN(101), h.rand.IntN(101)}[h.rand.IntN(4)]
}

// write inserts users n times: by themselves, two in a batch, or in a transaction
// with a row of the ledger.
func (h *powerHistory) write(t *testing.T, node *tablecast.Node, n int) {
	tables, ctx := node.Tables(), t.Context()
	for range n {
		ids := h.names()
		var err error
		switch len(ids) {
		case 1:
			_, err = tables.Put(ctx, table.PutRequest{Table: "users", Item: user(ids[0], "put")})
		case 2:
			_, err = tables.Batch(ctx, []table.BatchWrite{{Table: "users", Put: user(ids[0], "batch")}, {Table: "users", Put: user(ids[1], "batch")}})
		default:
			ids = ids[:1]
			_, _, err = tables.Transact(ctx, table.Transaction{Token: ids[0], Requests: []table.Request{
				table.PutRequest{Table: "users", Item: user(ids[0], "transaction")}, table.PutRequest{Table: "ledger", Item: user(ids[0], "transaction")},
			}})
		}
		if err != nil {
			t.Errorf("write: %v", err)
			return
		}
		h.mu.Lock()
		for _, id := range ids {
			h.acked[id] = true
		}
		h.mu.Unlock()
	}
}

// names returns one to three new ids.
func (h *powerHistory) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	ids := make([]string, 1+h.next%3)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%07d-%d", h.next, i)
		h.sent[ids[i]] = true
	}
	return ids
}

func user(id, by string) item.Item {
	return item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "check", Value: item.S(id)}, item.Field{Name: "by", Value: item.S(by)})
}

// check compares what the node holds with what the outside world knows.
func (h *powerHistory) check(t *testing.T, node *tablecast.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := node.AwaitQuiet(ctx); err != nil {
		t.Errorf("the node did not catch up: %+v", node.Relays())
		return
	}
	page, err := node.Tables().Scan(ctx, table.ScanRequest{Table: "users"})
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]bool{}
	for _, user := range page.Items {
		id, _ := user.Get("id")
		if check, _ := user.Get("check"); check.Str() != id.Str() || !h.sent[id.Str()] {
			t.Errorf("P1: user %s is torn or was never sent", id.Str())
		}
		stored[id.Str()] = true
	}
	h.checkTogether(ctx, t, node, page.Items)
	records := h.records(t, node)
	events := h.events(t, node)
	for id := range h.acked {
		if !stored[id] {
			t.Errorf("P2: user %s was acknowledged and is gone", id)
		}
	}
	for id := range h.delivered {
		if !stored[id] {
			t.Errorf("P2: an event told of user %s, who is not in the table", id)
		}
	}
	for id := range stored {
		if records[id] != 1 || events[id] != 1 {
			t.Errorf("P1, P5: user %s has %d change records and %d events", id, records[id], events[id])
		}
	}
	if len(events) != len(stored) || len(records) != len(stored) {
		t.Errorf("P1, P5: %d users, %d with records, %d with events", len(stored), len(records), len(events))
	}
	for _, s := range node.Queues().States() {
		if s.Matched != uint64(len(events)) || s.Delivered+s.DeadLettered+s.Dropped != s.Matched {
			t.Errorf("P6: %d events, %+v", len(events), s.Counts)
		}
	}
}

// checkTogether checks what committed with the users: their index entries, the
// counters, the other half of their transactions, and that a batch is whole.
func (h *powerHistory) checkTogether(ctx context.Context, t *testing.T, node *tablecast.Node, users []item.Item) {
	t.Helper()
	d, err := node.Tables().Describe("users")
	if err != nil || int(d.Items) != len(users) {
		t.Errorf("P1: %d users, counted as %d: %v", len(users), d.Items, err)
	}
	for _, x := range d.Indexes {
		if x.Backfilling {
			continue
		}
		page, err := node.Tables().Scan(ctx, table.ScanRequest{Table: "users", Index: x.Name})
		if err != nil || len(page.Items) != len(users) || int(x.Entries) != len(users) {
			t.Errorf("P1: %d users, %d in index %s, counted as %d: %v", len(users), len(page.Items), x.Name, x.Entries, err)
		}
	}
	page, err := node.Tables().Scan(ctx, table.ScanRequest{Table: "ledger"})
	if err != nil {
		t.Fatal(err)
	}
	halves := map[string]int{}
	for _, row := range append(page.Items, users...) {
		id, _ := row.Get("id")
		switch by, _ := row.Get("by"); by.Str() {
		case "transaction":
			halves[id.Str()]++
		case "batch":
			halves[id.Str()[:len(id.Str())-2]]++
		}
	}
	for id, n := range halves {
		if n != 2 {
			t.Errorf("P1: of %s only %d of 2 is there", id, n)
		}
	}
}

// records counts the change records of each user.
func (h *powerHistory) records(t *testing.T, node *tablecast.Node) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, st := range node.Streams().OfTable("users") {
		page, err := st.Read(0, 1<<30, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		last := uint64(0)
		for _, r := range page.Records {
			if r.Seq <= last {
				t.Errorf("P3: record %d after %d", r.Seq, last)
			}
			last = r.Seq
			id, _ := r.Keys.Get("id")
			out[id.Str()]++
		}
	}
	return out
}

// events counts the stored events of each user.
func (h *powerHistory) events(t *testing.T, node *tablecast.Node) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := node.Buses().Events("main", 0, func(_ uint64, e *event.Event) bool {
		var detail struct{ ID string }
		if err := json.Unmarshal(e.Detail, &detail, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Errorf("detail %s: %v", e.Detail, err)
		}
		out[detail.ID]++
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
