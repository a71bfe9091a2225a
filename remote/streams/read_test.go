package streams_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A reader hands over each record, in order per item, through rotations and
// splits.
func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.put(ids(8)...)
		k := w.work("a", nil, nil)
		for i := range 10 {
			w.put(ids(8)...)
			change := w.stream().Rotate
			if i%4 == 1 {
				change = w.stream().Split
			}
			w.must(change())
			time.Sleep(time.Second)
		}
		w.put(ids(8)...)
		time.Sleep(10 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err, w.log.String())
		}
		t.Log(k.wire.calls, len(w.sights()))
	})
}
