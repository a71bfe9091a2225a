package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		if err := Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no time, no context: %v", err)
		}
	})
}

func TestBackoff(t *testing.T) {
	for range 1000 {
		b := Backoff{Least: time.Second, Most: 10 * time.Second}
		for i, bound := range []time.Duration{1, 2, 4, 8, 10, 10} {
			bound *= time.Second
			if d := b.Next(); d < bound/2 || d > bound {
				t.Fatalf("pause %d is %s, which is not within %s and %s", i, d, bound/2, bound)
			}
		}
		b.Reset()
		if d := b.Next(); d > time.Second {
			t.Fatalf("after a success it pauses %s", d)
		}
		if d := b.After(1 << 62); d > 10*time.Second || d < 5*time.Second {
			t.Fatalf("after very many failures it pauses %s", d)
		}
	}
	if d := (&Backoff{}).Next(); d != 0 {
		t.Errorf("without bounds it pauses %s", d)
	}
}

func TestSignal(t *testing.T) {
	s := NewSignal()
	s.Set()
	s.Set()
	<-s
	select {
	case <-s:
		t.Error("a signal that was set twice woke twice")
	default:
	}
	s.Set()
	<-s
}
