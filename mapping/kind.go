package mapping

import (
	"strconv"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A Kind is what happened to an item. An item whose time to live ended is
// expired, not removed.
type Kind string

// The kinds. Backfill is no change: an item is there, and its events are raised
// for those who came too late; no definition names it.
const (
	Insert   Kind = "insert"
	Modify   Kind = "modify"
	Remove   Kind = "remove"
	Expire   Kind = "expire"
	Backfill Kind = "backfill"
)

// KindOf returns what a record tells of.
func KindOf(r *stream.Record) Kind {
	switch {
	case r.Op == stream.Insert:
		return Insert
	case r.Op == stream.Modify:
		return Modify
	case r.Expired:
		return Expire
	default:
		return Remove
	}
}

// kindOf is KindOf, but a removal of an item whose time was over is an expiry
// where the set goes by the attribute.
func (s *Set) kindOf(r *stream.Record) Kind {
	k := KindOf(r)
	if k != Remove || s.opts.ExpireBy == "" {
		return k
	}
	at, ok := r.Old.Get(s.opts.ExpireBy)
	if !ok || at.Kind() != item.Number {
		return k
	}
	if second, err := strconv.ParseInt(at.Str(), 10, 64); err == nil && second > 0 && second <= r.Time.Unix() {
		return Expire
	}
	return k
}
