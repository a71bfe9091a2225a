package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/remote/streams"
)

// Three workers of a group share the shards of a table while they are killed,
// stopped past their leases, throttled and cut off, while shards are rotated and
// split and the stream is disabled and enabled anew. Nothing is lost, the first
// sight of each change of an item is in order, and what is seen again is the
// same record.
func TestHistories(t *testing.T) {
	c := campaigntest.Start(t, "workers", "histories", manyHistories)
	const lanes = 8
	var done atomic.Int64
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for i := lane; i < c.N && !t.Failed(); i += lanes {
					synctest.Test(t, func(t *testing.T) { history(t, c.Seed+uint64(i)) })
					done.Add(1)
				}
			})
		}
	})
	c.Done = int(done.Load())
}

// A sim is one history.
type sim struct {
	*world
	rng     *rand.Rand
	workers []*simWorker
	dead    []*worker
	started int

	mu     sync.Mutex
	faults int // in a thousand calls; guarded by mu
}

// A simWorker is a worker that can be stopped as by SIGSTOP.
type simWorker struct {
	*worker
	mu      sync.Mutex
	stopped time.Time     // its clock stands; zero: it goes
	resumed chan struct{} // closed once it goes on
}

// now is the worker's clock: it stands while the process does.
func (k *simWorker) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped.IsZero() {
		return k.stopped
	}
	return time.Now()
}

// wait returns once the process goes.
func (k *simWorker) wait() {
	k.mu.Lock()
	resumed := k.resumed
	k.mu.Unlock()
	<-resumed
}

func (k *simWorker) sigstop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped.IsZero() {
		k.stopped, k.resumed = time.Now(), make(chan struct{})
	}
}

func (k *simWorker) sigcont() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped.IsZero() {
		return
	}
	k.stopped = time.Time{}
	close(k.resumed)
}

func history(t *testing.T, seed uint64) {
	s := &sim{rng: rand.New(rand.NewPCG(seed, 0)), faults: 30}
	s.world = newServer(t, kvtest.NewMem(t), 1+s.rng.IntN(2))
	s.use("users")
	dealer := rand.New(rand.NewPCG(seed, 1))
	s.deal = func(sight) error {
		if dealer.IntN(50) == 0 {
			return errors.New("the bus is down")
		}
		return nil
	}
	s.must(streams.New(s.options("first", s.wire(nil))).Prepare(t.Context()))
	for range 3 {
		s.start()
	}
	for range 6 + s.rng.IntN(6) {
		s.act()
		time.Sleep(time.Duration(s.rng.IntN(1200)) * time.Millisecond)
	}
	s.heal()
	for range 600 {
		if s.missing() == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, k := range s.workers {
		s.dead = append(s.dead, k.worker)
	}
	s.quit(s.dead...)
	if err := s.check(); err != nil {
		t.Errorf("seed %d: %v\n%s", seed, err, s.story())
	}
}

// start adds a worker.
func (s *sim) start() {
	s.started++
	name := fmt.Sprint("w", s.started)
	k := &simWorker{resumed: make(chan struct{})}
	close(k.resumed)
	trouble := rand.New(rand.NewPCG(s.rng.Uint64(), 2))
	k.worker = s.work(name, func(o *streams.Options) {
		o.Failover, o.Now = 2*time.Second, k.now
		take := o.Handle
		o.Handle = func(ctx context.Context, b streams.Batch) error {
			k.wait()
			return take(ctx, b)
		}
	}, func(_, body string, ask func(string) answer) answer {
		return s.fault(trouble, k, func() answer { return ask(body) })
	})
	s.workers = append(s.workers, k)
}

// fault is a call of a worker: late, throttled, or lost on its way or its way
// back.
func (s *sim) fault(rng *rand.Rand, k *simWorker, ask func() answer) answer {
	k.wait()
	s.mu.Lock()
	dice, late := rng.IntN(1000), time.Duration(rng.IntN(20))*time.Millisecond
	faults := s.faults
	s.mu.Unlock()
	time.Sleep(late)
	switch {
	case dice < faults/3:
		return refusal([]string{"ThrottlingException", "LimitExceededException"}[dice%2])
	case dice < faults*2/3:
		return answer{err: errors.New("the request was lost")}
	case dice < faults:
		ask()
		return answer{err: errors.New("the reply was lost")}
	}
	return ask()
}

// act is a step of the history.
func (s *sim) act() {
	items := ids(2 + s.rng.IntN(4))
	s.put(items...)
	i := s.rng.IntN(len(s.workers))
	switch s.rng.IntN(8) {
	case 0, 1:
		s.must(s.stream().Rotate())
	case 2:
		s.must(s.stream().Split())
	case 3:
		k := s.workers[i]
		k.kill()
		k.sigcont()
		s.workers = append(s.workers[:i], s.workers[i+1:]...)
		s.dead = append(s.dead, k.worker)
		s.start()
	case 4:
		s.workers[i].sigstop()
	case 5:
		for _, k := range s.workers {
			k.sigcont()
		}
	case 6:
		if s.rng.IntN(4) == 0 {
			s.turn(false)
			s.turn(true)
		}
	}
	s.put(items...)
}

// heal ends what makes trouble.
func (s *sim) heal() {
	s.mu.Lock()
	s.faults = 0
	s.mu.Unlock()
	for _, k := range s.workers {
		k.sigcont()
	}
}

// story tells a history that failed.
func (s *sim) story() string {
	var b strings.Builder
	for _, x := range s.sights() {
		fmt.Fprintf(&b, "%s %s %d as %s of %s\n", x.worker, x.item, x.n, x.sequence, x.shard)
	}
	return b.String() + s.log.String()
}
