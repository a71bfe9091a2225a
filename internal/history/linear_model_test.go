package history

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// groupKeys is how many items one group has: operations of several items stay
// within a group, so that each group's history is checked by itself.
const groupKeys = 3

// A register is the number in an item; absent if there is no item.
type register = int

const absent register = -1

// registers are the items of a group at one moment.
type registers [groupKeys]register

// The kinds of operations.
const (
	opPut      = iota // a := n, unconditionally; answers what was there
	opCreate          // a := n if a is absent
	opSwap            // a := n if a is want
	opAdd             // a += n; answers the sum
	opDelete          // removes a; answers what was there
	opDeleteIf        // removes a if it is want
	opGet             // answers a
	opQuery           // answers all of the group, by a consistent query
	opGetAll          // answers all of the group, by a transaction
	opTransfer        // a -= n and b += n if a is at least n, by a transaction
	opBatch           // a := n and removes b, in one batch
	opKinds
)

// An operation is one call of a client.
type operation struct{ kind, group, a, b, n, want int }

// An answer is what a client was told. After a power loss it is unknown whether the
// operation was made.
type answer struct {
	unknown bool
	ok      bool     // the condition held
	value   register // what was there before, is there now or was read
	all     registers
}

// apply makes an operation on the items of its group.
func (o operation) apply(s registers) (next registers, out answer) {
	was := s[o.a]
	next, out = s, answer{ok: true}
	switch o.kind {
	case opPut:
		next[o.a], out.value = o.n, was
	case opCreate:
		if out.ok = was == absent; out.ok {
			next[o.a] = o.n
		}
	case opSwap:
		if out.ok = was == o.want; out.ok {
			next[o.a] = o.n
		}
	case opAdd:
		next[o.a] = max(was, 0) + o.n
		out.value = next[o.a]
	case opDelete:
		next[o.a], out.value = absent, was
	case opDeleteIf:
		if out.ok = was == o.want; out.ok {
			next[o.a] = absent
		}
	case opGet:
		out.value = was
	case opQuery, opGetAll:
		out.all = s
	case opTransfer:
		if out.ok = was >= o.n; out.ok {
			next[o.a], next[o.b] = was-o.n, max(s[o.b], 0)+o.n
		}
	case opBatch:
		next[o.a], next[o.b] = o.n, absent
	}
	return next, out
}

// linearModel is the sequential specification of one group.
var linearModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{registers{absent, absent, absent}} },
	Step: func(state, input, output any) []any {
		s := state.(registers)
		next, want := input.(operation).apply(s)
		switch got := output.(answer); {
		case got.unknown && next != s:
			return []any{s, next}
		case got.unknown:
			return []any{s}
		case got != want:
			return nil
		}
		return []any{next}
	},
}

// until returns a history as a power loss at a moment leaves it: what was answered
// before known keeps its answer, of what began before lost it is unknown whether it
// was made, and the rest never was.
func until(history []porcupine.Operation, known, lost int64) (out []porcupine.Operation) {
	for _, op := range history {
		if op.Return > known {
			if op.Call >= lost {
				continue
			}
			op.Output, op.Return = answer{unknown: true}, lost
		}
		out = append(out, op)
	}
	return out
}

// explain returns the last operations of the shortest beginning of a history that
// no order explains.
func explain(history []porcupine.Operation) string {
	var ends []int64
	for _, op := range history {
		ends = append(ends, op.Return)
	}
	slices.Sort(ends)
	i, _ := slices.BinarySearchFunc(ends, false, func(end int64, _ bool) int {
		if porcupine.CheckOperations(linearModel.ToModel(), until(history, end, end+1)) {
			return -1
		}
		return 0
	})
	shortest := until(history, ends[min(i, len(ends)-1)], ends[min(i, len(ends)-1)]+1)
	text := ""
	for _, op := range shortest[max(0, len(shortest)-15):] {
		text += fmt.Sprintf("%6d-%-6d client %d %+v: %+v\n", op.Call, op.Return, op.ClientId, op.Input, op.Output)
	}
	return text
}
