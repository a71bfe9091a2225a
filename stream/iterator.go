package stream

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// IteratorLife is how long an iterator may be used; after that, embedders that
// read with Records ask for a new one.
const IteratorLife = 15 * time.Minute

// A Start says where an iterator begins.
type Start string

// The starting positions, by DynamoDB's names.
const (
	TrimHorizon Start = "TRIM_HORIZON"          // the oldest record that is kept
	Latest      Start = "LATEST"                // after all that is durable at the call
	AtSeq       Start = "AT_SEQUENCE_NUMBER"    // the record with the number, or the next
	AfterSeq    Start = "AFTER_SEQUENCE_NUMBER" // the record after the number
)

// Iterator returns a shard iterator: a text that stands for a position in a
// shard, to be passed to Records within IteratorLife. seq is used only with AtSeq
// and AfterSeq.
// Errors: ErrNotFound, ErrTrimmed.
func (st *Stream) Iterator(shardID string, start Start, seq uint64) (string, error) {
	shard, err := st.shard(shardID)
	if err != nil {
		return "", err
	}
	trimmed := st.Trimmed()
	from := max(shard.First, trimmed+1)
	switch start {
	case Latest:
		from = max(from, st.End()+1)
	case AfterSeq:
		seq = max(seq, seq+1) // the highest number stays
		fallthrough
	case AtSeq:
		if seq <= trimmed && trimmed >= shard.First {
			return "", ErrTrimmed
		}
		from = max(shard.First, seq)
	}
	return st.token(shard.ID, from), nil
}

// token writes an iterator: the ARN, a digit, and in base64 the time of this call
// in milliseconds, the position, and the shard id.
func (st *Stream) token(shardID string, from uint64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, from)
	b = append(b, shardID...)
	return st.ARN() + "|1|" + base64.StdEncoding.EncodeToString(b)
}

// CutIterator returns the ARN of the stream that an iterator is of, and the rest of the
// iterator; ok is false for a text that is no iterator.
func CutIterator(token string) (arn, rest string, ok bool) { return strings.Cut(token, "|1|") }

// Records reads on from an iterator: at most limit records, whose sizes are at most
// maxBytes together unless there is only one.
// next is the iterator to go on with, or empty at the end of a closed shard.
// Errors: ErrIterator, ErrExpired, ErrNotFound, ErrTrimmed.
func (s *Streams) Records(token string, limit, maxBytes int) (records []Record, next string, err error) {
	arn, rest, ok := CutIterator(token)
	b, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(b) <= 16 {
		return nil, "", ErrIterator
	}
	made := time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	if age := time.Since(made); age > IteratorLife || age < -IteratorLife {
		return nil, "", ErrExpired
	}
	st, err := s.Get(arn)
	if err != nil {
		return nil, "", err
	}
	shardID := string(b[16:])
	page, err := st.ReadShard(shardID, binary.BigEndian.Uint64(b[8:]), limit, maxBytes)
	if err != nil {
		return nil, "", err
	}
	if !page.Closed {
		next = st.token(shardID, page.Next)
	}
	return page.Records, next, nil
}
