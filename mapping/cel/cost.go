package cel

import (
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tablecast/tablecast/item"
)

// Limits of expressions.
const (
	// MaxEstimate is the most that an expression may cost, in units of CEL, if
	// each value is as large as the largest item: two nested loops that compare
	// such values are below, three are above.
	MaxEstimate = 50_000_000_000_000_000
	// MaxCost is the most that one evaluation may cost: some tenths of a second.
	MaxCost = 2_000_000

	untracked = 20_000    // whoever cannot cost more is not watched
	largest   = 400 << 10 // bytes of an item, and more than what it can hold
	maxSource = 16 << 10  // characters
	maxDepth  = 50        // of nested calls
	maxRange  = 100_000   // of lists.range
)

// byElement are our functions, whose cost is what they compare.
var byElement = map[string]bool{"diff": true, "added": true, "removed": true, "sum": true}

// An estimator bounds what is not known by the size of the largest item.
type estimator struct{}

// EstimateSize bounds what an item holds.
func (estimator) EstimateSize(cost.AstNode) *cost.SizeEstimate {
	return &cost.SizeEstimate{Min: 0, Max: largest}
}

// EstimateCallCost knows our functions and leaves others to the standard.
func (estimator) EstimateCallCost(function, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	if !byElement[function] {
		return nil
	}
	return &cost.CallEstimate{CostEstimate: cost.Estimate{Min: 1, Max: 2 * largest}, ResultSize: &cost.SizeEstimate{Max: largest}}
}

// A tracker counts what our functions cost.
type tracker struct{}

// CallCost knows our functions and leaves others to the standard.
func (tracker) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	if !byElement[function] {
		return nil
	}
	n := uint64(1)
	for _, a := range args {
		n += weight(a)
	}
	return &n
}

// weight is about how many values a value holds.
func weight(v ref.Val) uint64 {
	const bytesOfValue = 8
	if m, ok := v.(mapVal); ok {
		return uint64(item.Size(m.m)) / bytesOfValue
	}
	if s, ok := v.(traits.Sizer); ok {
		if n, ok := s.Size().(types.Int); ok {
			return uint64(n)
		}
	}
	return 1
}
