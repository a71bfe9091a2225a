package hostile

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

const (
	// maxPeak is the most memory that a victim may ever have, in bytes, and what it is
	// told to keep to.
	maxPeak = 512 << 20
	// attackers send at once to each victim.
	attackers = 4
)

// TestClients attacks an open and a closed node with requests of all bad kinds.
// Neither panics, answers an unexplained 5xx, takes a request that was not signed
// where it must be, or takes more memory than it may; and a healthy client of each
// goes on being served.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command")
	}
	c := campaigntest.Start(t, "hostile", "requests", 3000)
	for i, closed := range []bool{false, true} {
		name := map[bool]string{false: "open", true: "closed"}[closed]
		t.Run(name, func(t *testing.T) {
			v := startVictim(t, closed)
			sent := v.attack(t, c, uint64(i)*attackers, c.N/2)
			c.Done += sent
		})
	}
}

// attack sends so many requests, and returns how many were sent.
func (v *victim) attack(t *testing.T, c *campaigntest.Campaign, stream uint64, n int) int {
	t.Helper()
	quiet := v.during(t, func() {
		timer := time.NewTimer(time.Duration(min(2000+n/100, 20_000)) * time.Millisecond)
		<-timer.C
	})
	var sent atomic.Int64
	counts := newCounts()
	busy := v.during(t, func() {
		var sending sync.WaitGroup
		for i := range attackers {
			sending.Go(func() {
				a := &attacker{victim: v, t: t, rand: c.Rand(stream + uint64(i)), counts: counts, calls: calls()}
				defer a.hangUp()
				for sent.Add(1) <= int64(n) && !t.Failed() {
					begin := time.Now()
					a.attack()
					// The attackers have the machine in common with the node: they leave it
					// half of their time.
					<-time.After(min(time.Since(begin), 10*time.Millisecond))
				}
			})
		}
		sending.Wait()
	})
	v.judge(t, quiet, busy, counts)
	return int(min(sent.Load(), int64(n)))
}

// during returns what a healthy client met while do ran.
func (v *victim) during(t *testing.T, do func()) (took []time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []time.Duration, 1)
	go func() { done <- v.healthy(ctx, t) }()
	do()
	cancel()
	return <-done
}

// judge checks what the attack came to. The short form, which runs beside other
// tests, is generous with time.
func (v *victim) judge(t *testing.T, quiet, busy []time.Duration, counts *counts) {
	t.Helper()
	if peak := v.peakBytes(t); peak > maxPeak {
		t.Errorf("the node took %d MiB", peak>>20)
	} else {
		t.Logf("peak %d MiB; %s", peak>>20, counts)
	}
	before, after := percentile(quiet, 99), percentile(busy, 99)
	allowed := max(3*before, 25*time.Millisecond) // less is the noise of a disk's syncs
	if !campaigntest.Long() {
		allowed = max(30*before, time.Second)
	}
	if t.Logf("p99 of a healthy client: %s when quiet, %s under attack", before, after); after > allowed {
		t.Errorf("a healthy client waits for the attackers")
	}
	if text := v.Output.String(); containsPanic(text) {
		t.Errorf("the node's log:\n%.3000s", text)
	}
	if _, err := v.Status(t.Context()); err != nil && !v.closed {
		t.Errorf("the node is gone: %v", err)
	}
}

// counts counts answers by their status.
type counts struct {
	mu sync.Mutex
	by map[string]int
}

func newCounts() *counts { return &counts{by: map[string]int{}} }

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[what]++
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.by)
}
