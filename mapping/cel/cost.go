package cel

import (
	"strings"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tablecast/tablecast/item"
)

// MaxCost is the most that one evaluation may cost, in units of CEL: some tenths of
// a second.
const MaxCost = 2_000_000

const (
	// maxEstimate is the most that an expression may cost, in units of CEL, if
	// each value is as large as the largest item: two nested loops that compare
	// such values are below, three are above.
	maxEstimate = 50_000_000_000_000_000

	untracked = 20_000    // whoever cannot cost more is not watched
	largest   = 400 << 10 // bytes of an item, and more than what it can hold
	maxSource = 16 << 10  // characters
	maxDepth  = 50        // of nested calls
	maxRange  = 100_000   // of lists.range
)

// byElement are the functions of this package whose cost is the number of the
// elements that they read.
var byElement = map[string]bool{"diff": true, "added": true, "removed": true, "sum": true}

// looksUp are the overloads among them for which the libraries say that each
// element is compared with each other one.
var looksUp = []string{
	"list_distinct", "list_sets_contains_list", "list_sets_equivalent_list", "list_sets_intersects_list",
	"list_hasAll_list", "list_hasAny_list", "list_hasOnly_list", "list_hasExactly_list",
}

// costs are the options of cost tracking.
func costs() gocel.ProgramOption {
	var opts []cost.TrackerOption
	for _, id := range looksUp {
		opts = append(opts, cost.OverloadTracker(id, func(args []ref.Val, _ ref.Val) *uint64 {
			n := uint64(1)
			for _, a := range args {
				n += weight(a)
			}
			return &n
		}))
	}
	return gocel.CostTrackerOptions(opts...)
}

// An estimator bounds what is not known by the size of the largest item.
type estimator struct{}

// EstimateSize bounds what an item holds.
func (estimator) EstimateSize(cost.AstNode) *cost.SizeEstimate {
	return &cost.SizeEstimate{Min: 0, Max: largest}
}

// EstimateCallCost knows our functions and leaves others to the standard.
func (estimator) EstimateCallCost(function, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	switch {
	case function == "format": // of a short text it is as long as the values: to be watched
		return &cost.CallEstimate{CostEstimate: cost.Estimate{Min: 1, Max: untracked + 1}}
	case !byElement[function]:
		return nil
	}
	return &cost.CallEstimate{CostEstimate: cost.Estimate{Min: 1, Max: 2 * largest}, ResultSize: &cost.SizeEstimate{Max: largest}}
}

// A tracker counts what calls cost where the standard does not know it: functions
// of this package, and those that one name stands for with several types. Values
// of items have no type before they are read, so the standard does not know which
// of them is called, and counts 1.
type tracker struct{}

// CallCost returns the cost of a call, or nil for that of the standard.
func (tracker) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	n := uint64(1)
	switch {
	case byElement[function]:
		for _, a := range args {
			n += weight(a)
		}
	case function == insertInto: // it looks at each name that the map has
		n += weight(args[0]) / 16
	case function == operators.Equals, function == operators.NotEquals:
		a, b := inside(args[0]), inside(args[1])
		if a == 0 || b == 0 {
			return nil
		}
		n += min(a, b) / 8
	case function == "format":
		n += length(result) / 10
	case strings.HasPrefix(function, "math.@"): // the least or greatest of a list
		n += weight(args[0])
	case overload != "":
		return nil
	case function == operators.Add:
		n += length(result) / 10
	case function == operators.In:
		if _, ok := args[1].(traits.Lister); ok {
			n += weight(args[1])
		}
	case ordered[function]:
		n += weight(args[0])
	case function == overloads.Size, function == overloads.TypeConvertString, function == overloads.TypeConvertBytes:
		n += length(args[0]) / 100
	default:
		return nil
	}
	return &n
}

// insertInto is the function by which transformMap makes its map.
const insertInto = "cel.@mapInsert"

// ordered are the functions that put all elements of a list into another order.
var ordered = map[string]bool{"reverse": true, "sort": true, "@sortByAssociatedKeys": true}

// inside is the bytes that a map or list of an item holds, at all depths; 0 for
// other values.
func inside(v ref.Val) uint64 {
	switch x := v.Value().(type) {
	case item.Map:
		return uint64(item.Size(x))
	case []item.Value:
		return uint64(item.Size(item.Map{{Value: item.L(x...)}}))
	}
	return 0
}

// length is the bytes of a text or binary.
func length(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	case types.Bytes:
		return uint64(len(v))
	}
	return 0
}

// weight is about how many values a value holds; of a text, its bytes.
func weight(v ref.Val) uint64 {
	const bytesOfValue = 8
	if n := length(v); n > 0 {
		return n
	}
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
