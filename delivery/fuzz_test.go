package delivery

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
)

// A row that is read is written as it was read.
func FuzzRow(f *testing.F) {
	r := row{attempts: 3, age: time.Hour, process: 7, measuredAt: time.Second, queuedAt: time.Unix(1, 2), due: time.Unix(3, 4), group: "g", code: "C", msg: "m"}
	f.Add(r.stored())
	r.history = History{}.with(FailedAttempt{Start: time.Unix(5, 6), Millis: 7, Code: "C", Msg: "m"})
	f.Add(r.stored())
	f.Add([]byte{rowForm, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRow(9, b)
		if err != nil {
			return
		}
		again, err := decodeRow(9, r.stored())
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v came back as %+v: %v", r, again, err)
		}
	})
}

// Counters that are read are written as they were read.
func FuzzCounts(f *testing.F) {
	f.Add((&Counts{Matched: 9, Delivered: 300, DeadLettered: 1, Dropped: 1 << 60}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again Counts
		if c.decode(b) && (!again.decode(c.encode()) || again != c) {
			t.Errorf("%+v came back as %+v", c, again)
		}
	})
}

// A dead letter that is read can be written, and is then the same.
func FuzzDeadLetter(f *testing.F) {
	id := QueueID{"main", "r", "t"}
	d := DeadLetter{Queue: id, Seq: 4, ARN: "log:x", Code: "C", Msg: "m", Condition: ConditionAge, Attempts: 2, First: time.Unix(1, 0).UTC(), Last: time.Unix(2, 0).UTC()}
	f.Add(d.stored())
	d.Event = &event.Event{ID: "1", Source: "s", Detail: []byte("{}"), Time: time.Unix(1, 0)}
	d.History = History{}.with(FailedAttempt{Start: time.Unix(5, 6).UTC(), Code: "C"})
	f.Add(d.stored())
	f.Add([]byte{deadForm, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeDead(id.deadKey(4), b)
		if err != nil {
			return
		}
		form := d.stored()
		again, err := decodeDead(id.deadKey(4), form)
		if err != nil || !bytes.Equal(form, again.stored()) {
			t.Errorf("%+v came back as %+v: %v", d, again, err)
		}
	})
}
