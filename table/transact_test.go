package table_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

func user(id string, n int) item.Item {
	return item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()})
}

func userKey(id string) item.Item { return item.MapOf(item.Field{Name: "id", Value: item.S(id)}) }

func valueOf(it item.Item) int {
	v, _ := it.Get("n")
	n, _ := strconv.Atoi(v.Str())
	return n
}

// All or none, and a reason for each request.
func TestTransaction(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	absent := cond(t, "attribute_not_exists(id)", nil)
	requests := []table.Request{
		table.PutRequest{Table: "users", Item: user("a", 1), Condition: absent},
		table.CheckRequest{Table: "users", Key: userKey("b"), Condition: absent},
		table.PutRequest{Table: "users", Item: user("c", 1)},
	}
	done, spent, err := f.tables.Transact(t.Context(), table.Transaction{Requests: requests})
	if err != nil || spent || len(done) != 3 || done[0].Seq == 0 || done[0].Seq != done[2].Seq {
		t.Fatalf("%v, %t, %v", done, spent, err)
	}
	_, _, err = f.tables.Transact(t.Context(), table.Transaction{Requests: append(requests, table.DeleteRequest{Table: "users", Key: userKey("d"), Condition: cond(t, "attribute_exists(id)", nil)})})
	var canceled *table.CanceledError
	if !errors.As(err, &canceled) {
		t.Fatal(err)
	}
	var unmet *table.ConditionError
	for i, want := range []bool{true, false, false, true} {
		if got := errors.As(canceled.Reasons[i], &unmet); got != want {
			t.Errorf("reason %d: %v", i, canceled.Reasons[i])
		}
	}
	if len(records(t, f)) != 2 {
		t.Error("a canceled transaction left records")
	}
	_, _, err = f.tables.Transact(t.Context(), table.Transaction{Requests: []table.Request{
		table.PutRequest{Table: "users", Item: user("a", 1)}, table.DeleteRequest{Table: "users", Key: userKey("a")},
	}})
	var wrong *table.ValidationError
	if !errors.As(err, &wrong) {
		t.Errorf("two requests on one item: %v", err)
	}
	_, _, err = f.tables.Transact(t.Context(), table.Transaction{Requests: []table.Request{
		table.PutRequest{Table: "users", Item: user("e", 1)}, table.DeleteRequest{Table: "users", Key: user("a", 1)},
	}})
	if !errors.As(err, &canceled) || canceled.Reasons[0] != nil || !errors.As(canceled.Reasons[1], &wrong) {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := f.tables.TransactGet(t.Context(), []table.ItemKey{{Table: "users", Key: userKey("a")}, {Table: "none", Key: userKey("a")}}); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("read of no table: %v", err)
	}
}

// What a transaction holds takes 4 MiB at most, and so do the items that one reads;
// how large the items are that it changes does not matter.
func TestTransactionSize(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	var puts, updates, checks, deletes []table.Request
	var keys []table.ItemKey
	add, err := expr.NewParser(nil, expr.Values{":n": item.NumOf(1).Value()}).Update("ADD n :n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		id := fmt.Sprint(i)
		put := table.PutRequest{Table: "users", Item: user(id, i).With("pad", item.S(strings.Repeat("x", 390<<10)))}
		puts = append(puts, put)
		updates = append(updates, table.UpdateRequest{Table: "users", Key: userKey(id), Update: add})
		checks = append(checks, table.CheckRequest{Table: "users", Key: userKey(id), Condition: cond(t, "attribute_exists(n)", nil)})
		deletes = append(deletes, table.DeleteRequest{Table: "users", Key: userKey(id)})
		keys = append(keys, table.ItemKey{Table: "users", Key: userKey(id)})
		if _, err := f.tables.Put(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	transact := func(x table.Transaction) error {
		_, _, err := f.tables.Transact(t.Context(), x)
		return err
	}
	var wrong *table.ValidationError
	if err := transact(table.Transaction{Requests: puts}); !errors.As(err, &wrong) {
		t.Errorf("11 items of 390 KB: %v", err)
	}
	rest := 4<<20 - item.Size(userKey("0"))
	if err := transact(table.Transaction{Requests: updates[:1], Values: rest + 1}); !errors.As(err, &wrong) {
		t.Errorf("values of more than 4 MiB: %v", err)
	}
	for name, x := range map[string]table.Transaction{
		"10 items": {Requests: puts[:10]}, "values that fill 4 MiB": {Requests: updates[:1], Values: rest}, "checks": {Requests: checks}, "updates": {Requests: updates},
	} {
		if err := transact(x); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := f.tables.TransactGet(t.Context(), keys[:10]); err != nil || len(got) != 10 {
		t.Errorf("10 items: %v", err)
	}
	if _, err := f.tables.TransactGet(t.Context(), keys); !errors.As(err, &wrong) {
		t.Errorf("reading 11 items: %v", err)
	}
	busy, held := errors.New("no room"), 0
	hold := func(bytes int) error {
		if held += bytes; held > 5<<20 {
			return busy
		}
		return nil
	}
	if err := transact(table.Transaction{Requests: deletes, Hold: hold}); err != nil || held < 11*390<<10 {
		t.Errorf("deletes of 11 items held %d bytes: %v", held, err)
	}
	for _, p := range puts {
		if _, err := f.tables.Put(t.Context(), p.(table.PutRequest)); err != nil {
			t.Fatal(err)
		}
	}
	if err := transact(table.Transaction{Requests: deletes, Hold: hold}); !errors.Is(err, busy) {
		t.Errorf("a transaction without room: %v", err)
	}
	if it, err := f.tables.Get(t.Context(), "users", userKey("0")); err != nil || it == nil {
		t.Errorf("a transaction without room deleted an item: %v", err)
	}
}

// A token makes a transaction happen once in ten minutes, also over a restart.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		add, err := expr.NewParser(nil, expr.Values{":n": item.NumOf(1).Value()}).Update("ADD n :n")
		if err != nil {
			t.Fatal(err)
		}
		x := table.Transaction{Requests: []table.Request{table.UpdateRequest{Table: "users", Key: userKey("a"), Update: add}}, Token: "once", Hash: [32]byte{1}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		try := func(wantSpent bool, want int) {
			t.Helper()
			_, spent, err := f.tables.Transact(t.Context(), x)
			it, _ := f.tables.Get(t.Context(), "users", userKey("a"))
			if err != nil || spent != wantSpent || valueOf(it) != want {
				t.Errorf("spent %t, value %d, %v", spent, valueOf(it), err)
			}
		}
		try(false, 1)
		f.reopen(t)
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		time.Sleep(9 * time.Minute)
		try(true, 1)
		other := x
		other.Hash = [32]byte{2}
		if _, _, err := f.tables.Transact(t.Context(), other); !errors.Is(err, table.ErrTokenReused) {
			t.Errorf("token with another request: %v", err)
		}
		time.Sleep(2 * time.Minute)
		try(false, 2)
		time.Sleep(9 * time.Minute) // the first spending is forgotten, the second is not
		try(true, 2)
		time.Sleep(15 * time.Minute)
		cancel()
		background.Wait()
		if n := f.tables.Tokens(t); n != 0 {
			t.Errorf("%d tokens were never forgotten", n)
		}
	})
}

// A token that cannot be read stays, and those that come after it are removed.
func TestDamagedTokenHarmsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{"first", "second"} {
			x := table.Transaction{Requests: []table.Request{table.PutRequest{Table: "users", Item: user("a", 1)}}, Token: token}
			if _, _, err := f.tables.Transact(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
		b := f.store.NewBatch()
		b.Set(kv.NewKey('t').Uint64(5).String("first"), []byte("no token"))
		if _, err := f.store.Commit(b); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		time.Sleep(15 * time.Minute)
		cancel()
		background.Wait()
		if n := f.tables.Tokens(t); n != 1 {
			t.Errorf("%d rows of tokens are left, want the damaged one", n)
		}
	})
}

// Transactions over many items never wait for each other in a circle.
func TestTransactionsCross(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Create(orders); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 40 {
				var rs []table.Request
				for _, id := range rng.Perm(20)[:6] {
					rs = append(rs, table.PutRequest{Table: "users", Item: user(fmt.Sprint(id), i)},
						table.PutRequest{Table: "orders", Item: it(t, `{"pk":{"S":"%d"},"sk":{"N":"%d"},"total":{"N":"%d"}}`, id%2, id, i)})
				}
				if _, _, err := f.tables.Transact(t.Context(), table.Transaction{Requests: rs}); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					if _, err := f.tables.Update("users", table.Change{Protected: new(bool)}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}

// A step is one operation on a few registers: reads of all of them at one
// moment, or a transfer between two that happens only if the first has enough.
type step struct {
	read     bool
	from, to int
	amount   int
}

const registers = 4

var bank = porcupine.Model{
	Init: func() any { return [registers]int{10, 10, 10, 10} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.([registers]int), input.(step)
		if in.read {
			return output.([registers]int) == s, s
		}
		ok := s[in.from] >= in.amount
		if output.(bool) != ok {
			return false, s
		}
		if ok {
			s[in.from] -= in.amount
			s[in.to] += in.amount
		}
		return true, s
	},
}

// Transactions and conditional writes are linearizable: a history of concurrent
// transfers and reads has an order that explains every answer.
func TestLinearizable(t *testing.T) {
	for seed := range uint64(10) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		for i := range registers {
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: user(fmt.Sprint(i), 10)}); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var history []porcupine.Operation
		var clients sync.WaitGroup
		begin := time.Now()
		for c := range 4 {
			clients.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(c)))
				for range 25 {
					in := step{read: rng.IntN(3) == 0, from: rng.IntN(registers), amount: 1 + rng.IntN(6)}
					in.to = (in.from + 1 + rng.IntN(registers-1)) % registers
					op := porcupine.Operation{ClientId: c, Input: in, Call: time.Since(begin).Nanoseconds()}
					op.Output = transfer(t, f, in)
					op.Return = time.Since(begin).Nanoseconds()
					mu.Lock()
					history = append(history, op)
					mu.Unlock()
				}
			})
		}
		clients.Wait()
		if !porcupine.CheckOperations(bank, history) {
			t.Fatalf("seed %d: no order explains the answers", seed)
		}
	}
}

// transfer does a step and returns its answer.
func transfer(t *testing.T, f fixture, in step) any {
	if in.read {
		var keys []table.ItemKey
		for i := range registers {
			keys = append(keys, table.ItemKey{Table: "users", Key: userKey(fmt.Sprint(i))})
		}
		got, err := f.tables.TransactGet(t.Context(), keys)
		if err != nil {
			t.Error(err)
			return [registers]int{}
		}
		var out [registers]int
		for i := range got {
			out[i] = valueOf(got[i])
		}
		return out
	}
	move := func(by int, id int, floor string) table.Request {
		values := expr.Values{":by": item.NumOf(int64(by)).Value()}
		var c *expr.Condition
		if floor != "" {
			n, _ := item.N(floor)
			c = cond(t, "n >= :floor", expr.Values{":floor": n})
		}
		u, err := expr.NewParser(nil, values).Update("ADD n :by")
		if err != nil {
			t.Error(err)
		}
		return table.UpdateRequest{Table: "users", Key: userKey(fmt.Sprint(id)), Update: u, Condition: c}
	}
	_, _, err := f.tables.Transact(t.Context(), table.Transaction{Requests: []table.Request{
		move(-in.amount, in.from, strconv.Itoa(in.amount)), move(in.amount, in.to, ""),
	}})
	var canceled *table.CanceledError
	if err != nil && !errors.As(err, &canceled) {
		t.Error(err)
	}
	return err == nil
}
