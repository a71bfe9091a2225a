package delivery

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/kv"
)

// Values of DeadLetter.Condition, which are those of EXHAUSTED_RETRY_CONDITION in
// EventBridge: which limit ended the retries.
const (
	ConditionAttempts = "MaximumRetryAttempts"
	ConditionAge      = "MaximumEventAgeInSeconds"
)

// A DeadLetter is an event that could not be delivered, with what is known about
// the reason.
type DeadLetter struct {
	Queue QueueID `json:"-"`
	// Seq is the number under which the bus stored the event.
	Seq uint64 `json:"-"`
	// Event is nil if the bus no longer had it.
	Event *event.Event `json:"-"`
	// ARN is the target's.
	ARN string `json:"arn"`
	// Code and Msg describe the last failure.
	Code string `json:"code"`
	Msg  string `json:"msg"`
	// Condition is the limit that ended the retries; empty if the failure was
	// permanent.
	Condition string `json:"condition,omitzero"`
	// Attempts counts all attempts.
	Attempts int `json:"attempts"`
	// First is when the event was queued, Last when it became a dead letter.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// History has the failed attempts; see History.
	History History `json:"history,omitzero"`
}

func (w *queue) deadLetter(r *row, a *Attempt, condition string) *DeadLetter {
	return &DeadLetter{
		Queue: w.id, Seq: r.seq, Event: a.Event, ARN: a.ARN, Code: r.code, Msg: r.msg, Condition: condition,
		Attempts: r.attempts, First: r.queuedAt.UTC(), Last: w.q.now().UTC(), History: r.history,
	}
}

const deadForm = 1

// stored returns the stored form: the version of the form, the length of the JSON
// of the tagged fields, that JSON, and the event's stored form, if there is one.
func (d *DeadLetter) stored() []byte {
	meta, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("delivery: dead letter of %v: %v", d.Queue, err)) // strings are UTF-8, times in range
	}
	dst := []byte{deadForm}
	dst = binary.AppendUvarint(dst, uint64(len(meta)))
	dst = append(dst, meta...)
	if d.Event != nil {
		dst = d.Event.AppendBinary(dst)
	}
	return dst
}

// decodeDead reads a dead letter from its key and value.
func decodeDead(key, value []byte) (d DeadLetter, err error) {
	k := kv.ReadKey(key)
	d.Queue = QueueID{k.String(), k.String(), k.String()}
	d.Seq = k.Uint64()
	v := wire.NewReader(value)
	if k.Err() != nil || v.Uvarint() != deadForm {
		return d, fmt.Errorf("delivery: %w: dead letter %d of rule %q", kv.ErrCorrupt, d.Seq, d.Queue.Rule)
	}
	err = json.Unmarshal([]byte(v.String()), &d)
	if err == nil && len(v.Rest()) > 0 {
		d.Event, err = event.DecodeBinary(v.Rest())
	}
	if err != nil || v.Malformed() {
		return d, fmt.Errorf("delivery: %w: dead letter %d of rule %q: %w", kv.ErrCorrupt, d.Seq, d.Queue.Rule, err)
	}
	return d, nil
}
