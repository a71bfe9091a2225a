package eventsource

import (
	"errors"
	"math"

	"github.com/tablecast/tablecast/stream"
)

// Unread returns the position before the oldest record of a table that a
// mapping has not done with, the highest number if there is none. A mapping
// that is disabled counts: it goes on from there.
func (ms *Mappings) Unread(table string) (uint64, error) {
	out := uint64(math.MaxUint64)
	for _, s := range ms.List("", math.MaxInt) {
		st, err := ms.opts.Streams.Get(s.Stream)
		if err != nil || st.Table() != table {
			continue // a stream that is gone has no records
		}
		at, err := ms.unreadOf(&s.Mapping, st)
		if err != nil {
			return 0, err
		}
		out = min(out, at)
	}
	return out, nil
}

// unreadOf is Unread of one mapping.
func (ms *Mappings) unreadOf(m *Mapping, st *stream.Stream) (uint64, error) {
	out := uint64(math.MaxUint64)
	r := &runner{all: ms, Mapping: *m}
	for _, info := range st.Shards() {
		s, err := r.open(st, info)
		if err != nil {
			return 0, err
		}
		if s.cp.Done {
			continue
		}
		page, err := st.ReadShard(info.ID, max(s.from, st.Trimmed()+1), 1, 1)
		switch {
		case errors.Is(err, stream.ErrNotFound), errors.Is(err, stream.ErrTrimmed): // trimmed meanwhile
		case err != nil:
			return 0, err
		case len(page.Records) > 0:
			out = min(out, page.Records[0].Seq-1)
		}
	}
	return out, nil
}

// Quiet reports whether each enabled mapping has done with all that is durable.
func (ms *Mappings) Quiet() (bool, error) {
	for _, s := range ms.List("", math.MaxInt) {
		st, err := ms.opts.Streams.Get(s.Stream)
		if err != nil || !s.Enabled {
			continue
		}
		at, err := ms.unreadOf(&s.Mapping, st)
		if err != nil || at != math.MaxUint64 {
			return false, err
		}
	}
	return true, nil
}
