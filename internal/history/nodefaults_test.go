package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/table"
)

// TestNodeFaults is TestStoreFaults for a whole node: with the fault it opens or
// says why not, its writes work or are refused, what it accepted is delivered unless
// it says that it cannot, or it ends. Without the fault it then opens again, with all
// users who were acknowledged, and each of them has raised one event.
func TestNodeFaults(t *testing.T) {
	short := 60
	if testing.Short() {
		short = 20
	}
	c := campaigntest.Start(t, "faults", "failure points of a node", short)
	tryFaults(t, c, func(fault kvtest.Fault, choices *rand.Rand) (int, error) {
		return tryFault(fault, choices, func(fs *kvtest.FaultFS, end func(error)) life {
			return &nodeLife{fs: fs, end: end, acked: map[string]bool{}, told: map[string]bool{}}
		})
	})
}

// A nodeLife opens a node, writes users, waits until their events are delivered, and
// closes it, twice.
type nodeLife struct {
	fs  *kvtest.FaultFS
	end func(error)

	mu          sync.Mutex
	acked, told map[string]bool // users; guarded by mu
}

func (l *nodeLife) live() error {
	for round := range 2 {
		node, err := l.open(tablecast.Options{FS: l.fs, Fatal: l.end, Stdout: l})
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		err = l.use(node, round)
		if err := errors.Join(err, node.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (l *nodeLife) open(o tablecast.Options) (*tablecast.Node, error) {
	var err error
	if o.Config, err = config.Parse("faults.yaml", fmt.Appendf(nil, powerConfig, "")); err != nil {
		return nil, err
	}
	return tablecast.Open("a/data", o)
}

// Write implements io.Writer for the log target.
func (l *nodeLife) Write(line []byte) (int, error) {
	var m message
	if json.Unmarshal(line, &m) == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told[m.Detail.ID] = true
	}
	return len(line), nil
}

func (l *nodeLife) use(node *tablecast.Node, round int) error {
	for i := range 3 {
		id := fmt.Sprintf("u%d-%d", round, i)
		if _, err := node.Tables().Put(context.Background(), table.PutRequest{Table: "users", Item: user(id, "put")}); err != nil {
			return fmt.Errorf("put: %w", err)
		}
		l.mu.Lock()
		l.acked[id] = true
		l.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := node.AwaitQuiet(ctx); err != nil {
		if ready := node.Ready(); ready != nil {
			return fmt.Errorf("not ready: %w", ready)
		}
		return errors.New("it is ready and delivers nothing")
	}
	return nil
}

func (l *nodeLife) ends() func(fs *kvtest.CrashFS) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := &nodeLife{acked: maps.Clone(l.acked), told: maps.Clone(l.told)}
	return next.check
}

// check opens the folder as the next process.
func (l *nodeLife) check(fs *kvtest.CrashFS) error {
	node, err := l.open(tablecast.Options{FS: fs, Stdout: l, Fatal: func(err error) { panic(err) }})
	if err != nil {
		return fmt.Errorf("the folder does not open again: %w", err)
	}
	defer node.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := node.AwaitQuiet(ctx); err != nil {
		return fmt.Errorf("after the fault: %w", errors.Join(err, node.Ready()))
	}
	page, err := node.Tables().Scan(ctx, table.ScanRequest{Table: "users"})
	if err != nil {
		return err
	}
	for _, it := range page.Items {
		id, _ := it.Get("id")
		l.mu.Lock()
		told := l.told[id.Str()]
		l.mu.Unlock()
		if delete(l.acked, id.Str()); !told {
			return fmt.Errorf("P5: no event of user %s was delivered", id.Str())
		}
	}
	if len(l.acked) > 0 {
		return fmt.Errorf("P2: users %v were acknowledged and are gone", l.acked)
	}
	for _, s := range node.Queues().States() {
		if s.Matched != uint64(len(page.Items)) || s.Delivered != s.Matched {
			return fmt.Errorf("P6: %d users, %+v", len(page.Items), s.Counts)
		}
	}
	return nil
}
