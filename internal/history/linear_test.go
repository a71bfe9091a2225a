package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// TestLinearizable lets clients write and read few items at once, cuts the power
// now and then, and has Porcupine find an order that explains all answers.
func TestLinearizable(t *testing.T) {
	c := campaigntest.Start(t, "linear", "histories", 1)
	operations := 50_000
	if !campaigntest.Long() {
		operations = 20_000
	}
	t.Logf("%d operations in each", operations)
	for ; c.Done < c.N && !t.Failed(); c.Done++ {
		l := &linearHistory{rand: c.Rand(uint64(c.Done)), fs: vfs.NewCrashableMem(), groups: operations / 400}
		for left := operations; left > 0 && !t.Failed(); left = operations - len(l.history) {
			l.live(t, left, 1+l.rand.IntN(operations/4))
		}
		l.check(t)
	}
}

const linearClients = 8

// A linearHistory is what the clients of one folder were told.
type linearHistory struct {
	rand   *rand.Rand
	fs     *vfs.MemFS
	groups int
	clock  atomic.Int64 // gives calls and answers their order

	mu      sync.Mutex
	history []porcupine.Operation // guarded by mu
}

// live opens the node and lets the clients make n operations; the power fails at a
// moment of the file system, if it comes to that. A write is one to three moments.
func (l *linearHistory) live(t *testing.T, n, moment int) {
	t.Helper()
	var after *vfs.MemFS
	var known, lost int64
	var off atomic.Bool
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: l.rand.IntN(101), RNG: rand.New(rand.NewPCG(l.rand.Uint64(), 0))}
	fs := kvtest.NewCutFS(l.fs, func() {
		known = l.clock.Add(1)
		after = l.fs.CrashClone(cfg)
		lost = l.clock.Add(1)
		off.Store(true)
	})
	node, err := tablecast.Open("data", tablecast.Options{FS: fs, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	spec := table.Spec{
		Name: "registers", View: stream.NewAndOldImages,
		Schema: item.KeySchema{Hash: item.KeyAttr{Name: "g", Kind: item.Number}, Range: item.KeyAttr{Name: "k", Kind: item.Number}},
	}
	if _, err := node.Tables().Create(spec); err != nil && !errors.Is(err, table.ErrExists) {
		t.Fatal(err)
	}
	fs.Arm(moment)
	before := len(l.history)
	var clients sync.WaitGroup
	for client := range linearClients {
		rng := rand.New(rand.NewPCG(l.rand.Uint64(), uint64(client)))
		clients.Go(func() { l.client(t, node.Tables(), client, (n+linearClients-1)/linearClients, rng, &off) })
	}
	clients.Wait()
	if err := node.Close(); err != nil {
		t.Error(err)
	}
	if after != nil {
		l.fs = after
		l.history = append(l.history[:before:before], until(l.history[before:], known, lost)...)
	}
}

// client makes n operations one after another, fewer if the power goes off.
func (l *linearHistory) client(t *testing.T, tables *table.Tables, client, n int, rng *rand.Rand, off *atomic.Bool) {
	for range n {
		if off.Load() {
			return
		}
		o := operation{
			kind: rng.IntN(opKinds), group: rng.IntN(l.groups), a: rng.IntN(groupKeys),
			n: 1 + rng.IntN(4), want: rng.IntN(6),
		}
		o.b = (o.a + 1 + rng.IntN(groupKeys-1)) % groupKeys
		op := porcupine.Operation{ClientId: client, Input: o, Call: l.clock.Add(1)}
		out, err := o.call(t.Context(), tables)
		op.Output, op.Return = out, l.clock.Add(1)
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			return
		}
		l.mu.Lock()
		l.history = append(l.history, op)
		l.mu.Unlock()
	}
}

// check has each group's history explained. A history in which no condition failed
// and no answer was lost with the power would prove little.
func (l *linearHistory) check(t *testing.T) {
	t.Helper()
	of := make([][]porcupine.Operation, l.groups)
	unmet, unknown := 0, 0
	for _, op := range l.history {
		g := op.Input.(operation).group
		of[g] = append(of[g], op)
		switch out := op.Output.(answer); {
		case out.unknown:
			unknown++
		case !out.ok:
			unmet++
		}
	}
	if t.Logf("%d operations, %d conditions that failed, %d answers lost with the power", len(l.history), unmet, unknown); unmet == 0 || unknown == 0 {
		t.Error("no condition failed, or no answer was lost")
	}
	for g, history := range of {
		if !porcupine.CheckOperations(linearModel.ToModel(), history) {
			t.Fatalf("group %d: no order explains these answers:\n%s", g, explain(history))
		}
	}
}

// call makes the operation on the table.
func (o operation) call(ctx context.Context, tables *table.Tables) (answer, error) {
	switch o.kind {
	case opGet:
		got, err := tables.Get(ctx, "registers", o.key(o.a))
		return answer{ok: true, value: valueOf(got)}, err
	case opQuery:
		values := expr.Values{":g": item.NumOf(int64(o.group)).Value()}
		where, err := expr.NewParser(nil, values).KeyCondition("g = :g")
		if err != nil {
			return answer{}, err
		}
		page, err := tables.Query(ctx, table.QueryRequest{Table: "registers", Condition: where})
		return answer{ok: true, all: registersOf(page.Items)}, err
	case opGetAll:
		var keys []table.ItemKey
		for k := range groupKeys {
			keys = append(keys, table.ItemKey{Table: "registers", Key: o.key(k)})
		}
		got, err := tables.TransactGet(ctx, keys)
		return answer{ok: true, all: registersOf(got)}, err
	case opTransfer:
		take, err := o.update(o.a, -o.n, "n >= :n")
		if err != nil {
			return answer{}, err
		}
		give, err := o.update(o.b, o.n, "")
		if err != nil {
			return answer{}, err
		}
		_, _, err = tables.Transact(ctx, table.Transaction{Requests: []table.Request{take, give}})
		return answer{ok: err == nil}, unlessUnmet(err)
	case opBatch:
		_, err := tables.Batch(ctx, []table.BatchWrite{{Table: "registers", Put: o.item(o.a, o.n)}, {Table: "registers", Delete: o.key(o.b)}})
		return answer{ok: true}, err
	}
	return o.callOne(ctx, tables)
}

// callOne makes an operation that writes one item.
func (o operation) callOne(ctx context.Context, tables *table.Tables) (answer, error) {
	condition, err := o.condition()
	if err != nil {
		return answer{}, err
	}
	switch o.kind {
	case opPut, opCreate, opSwap:
		r, err := tables.Put(ctx, table.PutRequest{Table: "registers", Item: o.item(o.a, o.n), Condition: condition})
		if o.kind == opPut {
			return answer{ok: true, value: valueOf(r.Old)}, err
		}
		return answer{ok: err == nil}, unlessUnmet(err)
	case opAdd:
		u, err := o.update(o.a, o.n, "")
		if err != nil {
			return answer{}, err
		}
		r, err := tables.Modify(ctx, u)
		return answer{ok: true, value: valueOf(r.New)}, err
	case opDelete, opDeleteIf:
		r, err := tables.Delete(ctx, table.DeleteRequest{Table: "registers", Key: o.key(o.a), Condition: condition})
		if o.kind == opDelete {
			return answer{ok: true, value: valueOf(r.Old)}, err
		}
		return answer{ok: err == nil}, unlessUnmet(err)
	}
	return answer{}, fmt.Errorf("no operation has the kind %d", o.kind)
}

// condition returns the condition of the operation, nil if it has none.
func (o operation) condition() (*expr.Condition, error) {
	switch o.kind {
	case opCreate:
		return expr.NewParser(nil, nil).Condition("ConditionExpression", "attribute_not_exists(g)")
	case opSwap, opDeleteIf:
		values := expr.Values{":want": item.NumOf(int64(o.want)).Value()}
		return expr.NewParser(nil, values).Condition("ConditionExpression", "n = :want")
	}
	return nil, nil
}

// update returns the request that adds a number to an item, if the condition on
// its number holds.
func (o operation) update(k, by int, condition string) (r table.UpdateRequest, err error) {
	r = table.UpdateRequest{Table: "registers", Key: o.key(k)}
	if r.Update, err = expr.NewParser(nil, expr.Values{":by": item.NumOf(int64(by)).Value()}).Update("ADD n :by"); err == nil && condition != "" {
		r.Condition, err = expr.NewParser(nil, expr.Values{":n": item.NumOf(int64(o.n)).Value()}).Condition("ConditionExpression", condition)
	}
	return r, err
}

func (o operation) key(k int) item.Item {
	return item.MapOf(item.Field{Name: "g", Value: item.NumOf(int64(o.group)).Value()}, item.Field{Name: "k", Value: item.NumOf(int64(k)).Value()})
}

func (o operation) item(k, n int) item.Item {
	return o.key(k).With("n", item.NumOf(int64(n)).Value())
}

// numberOf returns a number of an item.
func numberOf(it item.Item, attribute string) int {
	v, _ := it.Get(attribute)
	n, _ := strconv.Atoi(v.Str())
	return n
}

func valueOf(it item.Item) register {
	if it == nil {
		return absent
	}
	return numberOf(it, "n")
}

func registersOf(items []item.Item) registers {
	out := registers{absent, absent, absent}
	for _, it := range items {
		if it != nil {
			out[numberOf(it, "k")] = valueOf(it)
		}
	}
	return out
}

// unlessUnmet returns the error unless it says that a condition did not hold.
func unlessUnmet(err error) error {
	var unmet *table.ConditionError
	var canceled *table.CanceledError
	if errors.As(err, &unmet) || errors.As(err, &canceled) {
		return nil
	}
	return err
}
