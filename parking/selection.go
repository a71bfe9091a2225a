package parking

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tablecast/tablecast/item"
)

// ErrNoMatch says that a selection has no parked record.
var ErrNoMatch = errors.New("nothing that is parked matches the selection")

// A Selection says which parked records are meant: those that all its fields
// have. A zero field has any record.
type Selection struct {
	Table   string
	Mapping string    // UUID of an event source mapping, or the name of a function
	Event   string    // the event that could not be made
	Key     item.Item // of the item
	Seqs    []string  // sequence numbers as the wire has them
	// Since and Before bound when the record was parked: not before the one, and
	// before the other.
	Since, Before time.Time
}

// IsZero reports whether the selection has every record.
func (s *Selection) IsZero() bool {
	return s.Table == "" && s.Mapping == "" && s.Event == "" && s.Key == nil && len(s.Seqs) == 0 && s.Since.IsZero() && s.Before.IsZero()
}

// Has reports whether a record is meant. A damaged one is by its sequence number
// alone.
func (s *Selection) Has(r *Record) bool {
	if r.Damage != nil {
		return slices.Contains(s.Seqs, r.Seq) && s.Event == "" && s.Key == nil && s.Since.IsZero() && s.Before.IsZero()
	}
	switch {
	case s.Table != "" && s.Table != r.Table,
		s.Mapping != "" && s.Mapping != r.Mapping && s.Mapping != r.Function,
		s.Event != "" && s.Event != r.Definition,
		len(s.Seqs) > 0 && !slices.Contains(s.Seqs, r.Seq),
		!s.Since.IsZero() && r.At.Before(s.Since),
		!s.Before.IsZero() && !r.At.Before(s.Before):
		return false
	}
	return s.Key == nil || r.Group == r.Table+string(item.AppendPlainItem(nil, s.Key))
}

// mayHave reports whether a damaged record could be meant if it could be read.
func (s *Selection) mayHave(r *Record) bool {
	return len(s.Seqs) == 0 || slices.Contains(s.Seqs, r.Seq)
}

// label returns what stands at the end of a stream's ARN.
func label(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
