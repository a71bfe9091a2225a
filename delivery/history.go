package delivery

import (
	"encoding/binary"
	"time"

	"github.com/tablecast/tablecast/internal/wire"
)

// A FailedAttempt is one call of a target that failed, as rows and dead letters
// keep it.
type FailedAttempt struct {
	Start  time.Time `json:"start"`
	Millis int64     `json:"millis"` // how long it took, in milliseconds
	Code   string    `json:"code"`
	Msg    string    `json:"msg"` // at most 200 bytes
}

// A History has failed attempts, the oldest first; of more than ten, the first one
// and the last nine.
type History []FailedAttempt

const (
	// maxHistory bounds the attempts of a history.
	maxHistory = 10
	// maxTryMsg bounds the message of one attempt, in bytes.
	maxTryMsg = 200
)

// with returns the history with one more attempt; h is unchanged.
func (h History) with(t FailedAttempt) History {
	if len(t.Msg) > maxTryMsg {
		t.Msg = truncate(t.Msg[:maxTryMsg])
	}
	next := append(History{}, h...)
	if len(next) == maxHistory {
		next = append(next[:1], next[2:]...)
	}
	return append(next, t)
}

// append appends the stored form: the number of attempts, then for each its start
// and duration as integers, and code and message as strings.
func (h History) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(h)))
	for _, t := range h {
		dst = binary.AppendVarint(dst, t.Start.UnixNano())
		dst = binary.AppendVarint(dst, t.Millis)
		for _, s := range [...]string{t.Code, t.Msg} {
			dst = wire.AppendString(dst, s)
		}
	}
	return dst
}

// readHistory reads what append wrote; false if it is malformed.
func readHistory(r *wire.Reader) (h History, ok bool) {
	n := r.Uvarint()
	if n > maxHistory {
		return nil, false
	}
	for range n {
		h = append(h, FailedAttempt{
			Start: time.Unix(0, r.Varint()).UTC(), Millis: r.Varint(), Code: r.String(), Msg: r.String(),
		})
	}
	return h, !r.Malformed()
}
