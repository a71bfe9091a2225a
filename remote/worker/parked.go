package worker

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tablecast/tablecast/parking"
)

// hash is an item's name in keys.
func hash(group string) string {
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:16])
}

// digits is the length of a sequence number in keys.
const digits = 40

// place is where a record stands among those of its item.
func place(r *parking.Record) string {
	return r.Label + "#" + strings.Repeat("0", max(digits-len(r.Seq), 0)) + r.Seq
}

// placeOf returns what the key of a record's first row tells of it, nil if the key is
// of no such row.
func placeOf(sk string) *parking.Record {
	i := strings.LastIndexByte(sk, '#')
	if i < 0 {
		return nil
	}
	r := &parking.Record{Label: sk[:i], Seq: strings.TrimLeft(sk[i+1:], "0")}
	if place(r) != sk {
		return nil
	}
	return r
}

// pack returns a record as bytes.
func pack(r *parking.Record) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(r.Encode())
	err = errors.Join(err, z.Close())
	return out.Bytes(), err
}

// maxRecord is the most bytes that a packed record may have: both images of an
// item, of at most 400 KB each, in JSON.
const maxRecord = 16 << 20

// unpack is the inverse of pack.
func unpack(b []byte) (*parking.Record, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxRecord))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	return parking.Decode(text)
}

// A shelf is the parked records of a table, read from the first to the last by
// one caller. It implements parking.Store, but that Page goes on where the page
// before it ended, whatever it is told.
//
// Workers park while it is read: behind the records of an item, or, after a lease
// moved, ahead of them. So each page reads the item again, and gives what was not
// given yet; what it gave and still finds stays, and is not read a third time.
type shelf struct {
	*store
	items []heldItem // whose turn has come, the first of them now
	given map[string]bool
	stays string // the last row of the last record of the item that was given and found again
	parts map[*parking.Record]int
}

// Page implements parking.Store.
func (s *shelf) Page(ctx context.Context, after *parking.Record, limit int) (out []*parking.Record, more bool, err error) {
	if after == nil {
		s.given, s.stays, s.parts = map[string]bool{}, "", map[*parking.Record]int{}
		if s.items, err = s.held(ctx); err != nil {
			return nil, false, err
		}
	}
	size := 0
	rows := int32(0)
	if limit == 1 {
		rows = 4
	}
	for len(s.items) > 0 {
		err := s.parked(ctx, s.items[0].hash, s.stays, rows, func(r *parking.Record, parts int) bool {
			at := place(r)
			if s.given[at] {
				s.stays = part(at, parts-1)
				return true
			}
			s.given[at], s.parts[r] = true, parts
			if r.Damage != nil {
				r.Table, r.Group, r.Items = s.table, s.items[0].group, []string{s.items[0].group}
			}
			out, size = append(out, r), size+r.Bytes()
			return len(out) < limit && size < parking.PageBytes
		})
		if err != nil || len(out) == limit || size >= parking.PageBytes {
			return out, err == nil, err
		}
		s.items, s.stays = s.items[1:], ""
		clear(s.given)
	}
	return out, false, nil
}

// Release implements parking.Store. A transaction takes one record.
func (s *shelf) Release(tx *transaction, r *parking.Record) error {
	*tx = transaction{record: r, parts: max(s.parts[r], 1)}
	return nil
}

// Keep implements parking.Store.
func (s *shelf) Keep(ctx context.Context, r *parking.Record) error { return s.keep(ctx, r) }
