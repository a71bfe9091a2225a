package partiql

import (
	"bytes"

	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/item"
)

// bounds are the sort keys, in key form, from lower to before upper; an upper
// of nil is no bound. The zero bounds are all.
type bounds struct{ lower, upper []byte }

// narrowed returns the part of the bounds that satisfies the test.
func (b bounds) narrowed(t *test) bounds {
	key := item.AppendKey(nil, t.values[0])
	after := append(bytes.Clone(key), 0) // no key form begins with another
	switch t.op {
	case "=":
		return b.within(bounds{key, after})
	case "<":
		return b.within(bounds{nil, key})
	case "<=":
		return b.within(bounds{nil, after})
	case ">":
		return b.within(bounds{after, nil})
	case ">=":
		return b.within(bounds{key, nil})
	case "BETWEEN":
		return b.within(bounds{key, append(item.AppendKey(nil, t.values[1]), 0)})
	default: // begins_with; the last two bytes end the key form
		prefix := key[:len(key)-2]
		return b.within(bounds{prefix, tuple.PrefixEnd(prefix)})
	}
}

// nothing are bounds with nothing in them.
var nothing = bounds{nil, []byte{}}

func (b bounds) within(c bounds) bounds {
	if bytes.Compare(c.lower, b.lower) > 0 {
		b.lower = c.lower
	}
	if b.upper == nil || c.upper != nil && bytes.Compare(c.upper, b.upper) < 0 {
		b.upper = c.upper
	}
	return b
}

// empty reports whether nothing is in the bounds.
func (b bounds) empty() bool { return b.upper != nil && bytes.Compare(b.lower, b.upper) >= 0 }

// overlaps reports whether something is in both bounds.
func (b bounds) overlaps(c bounds) bool { return !b.empty() && !c.empty() && !b.within(c).empty() }
