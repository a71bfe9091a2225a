package delivery

import (
	"encoding/binary"
	"time"
)

// A FailedAttempt is one call of a target that failed, as rows and dead letters
// keep it.
type FailedAttempt struct {
	Start  time.Time `json:"start"`
	Millis int64     `json:"millis"` // how long it took, in milliseconds
	Code   string    `json:"code"`
	Msg    string    `json:"msg"` // its first bytes
}

// A History is attempts that failed, the oldest first.
type History []FailedAttempt

const (
	// maxHistory bounds the attempts that are remembered: the first and the
	// last ones.
	maxHistory = 10
	// maxTryMsg bounds the message of one, in bytes.
	maxTryMsg = 200
)

// with returns the history with one more attempt.
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

// append appends the stored form: how many, then of each start and duration as
// integers, code and message with their lengths.
func (h History) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(h)))
	for _, t := range h {
		dst = binary.AppendVarint(dst, t.Start.UnixNano())
		dst = binary.AppendVarint(dst, t.Millis)
		for _, s := range [...]string{t.Code, t.Msg} {
			dst = binary.AppendUvarint(dst, uint64(len(s)))
			dst = append(dst, s...)
		}
	}
	return dst
}

// history reads what append wrote.
func (d *decoder) history() (h History) {
	n := d.uvarint()
	if n > maxHistory {
		d.bad = true
		return nil
	}
	for range n {
		h = append(h, FailedAttempt{
			Start: time.Unix(0, d.varint()).UTC(), Millis: d.varint(), Code: d.string(), Msg: d.string(),
		})
	}
	return h
}
