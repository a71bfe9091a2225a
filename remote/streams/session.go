package streams

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/wait"
)

// A session is a worker's part in reading one stream to its end.
type session struct {
	o         *Options
	stream    groupStream
	rows      *rows
	cache     *leaseCache
	budget    *budget
	consumers sync.WaitGroup

	resync     wait.Signal // asks discover for a listing now
	rescan     wait.Signal // asks run for a scan of the lease rows now
	describing chan *pacer // holds the pacer of DescribeStream between calls, so that they are one at a time

	mu         sync.Mutex                // guards the fields below
	held       map[string]*shardConsumer // by shard
	making     map[string]int            // by shard, how many calls are making its row as this worker's: scan must not take it
	iterators  map[string]string         // at the group's start, for the first reading here
	final      time.Time                 // since when the stream is known to get no further shards; zero: it may
	unfiltered bool                      // the server does not offer CHILD_SHARDS
	unlisted   map[string]time.Time      // shards that can be read, since when no listing had them
	lastError  string                    // what last failed, apart from shards
}

func newSession(o *Options, b groupStream, budget *budget) *session {
	s := &session{
		o: o, stream: b, budget: budget, cache: newLeaseCache(o.Now()), rows: o.leases(b.ARN),
		held: map[string]*shardConsumer{}, making: map[string]int{}, unlisted: map[string]time.Time{}, iterators: b.iterators,
		resync: wait.NewSignal(), rescan: wait.NewSignal(), describing: make(chan *pacer, 1),
	}
	s.describing <- newPacer(describesPerSecond, o.Now)
	return s
}

// run returns nil once each record of the stream was dealt with and no more can
// come, or the error of ctx.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.consumers.Wait()
	defer cancel()
	again := wait.Backoff{Least: s.o.scanEvery() / 4, Most: s.o.scanEvery()}
	for discovering := false; ; {
		err := s.scan(ctx)
		s.note(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if err := again.Wait(ctx); err != nil {
				return err
			}
			continue
		case !discovering:
			discovering = true
			s.consumers.Go(func() { s.discover(ctx) })
		case s.drained():
			return nil
		}
		again.Reset()
		s.watch()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.rescan:
		case <-time.After(s.o.scanEvery()):
		}
	}
}

// scan reads all lease rows, takes those leases that are free and due to this
// worker, and asks another worker for a shard if the shares are uneven.
func (s *session) scan(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, s.o.stopAfter())
	defer cancel()
	begun := s.o.Now()
	all, err := s.rows.all(call)
	if err != nil {
		return err
	}
	s.cache.replace(all, begun, s.o.Now())
	rows, still, _ := s.cache.unfinished()
	takes, ask := view{
		me: s.o.Worker, rows: rows, patient: s.o.expireAfter(), asked: s.cache.wanting,
		expired: func(r row) bool { return still[r.Shard] > s.o.expireAfter() },
		held:    s.holds,
	}.plan()
	for _, r := range takes {
		l, takeErr := s.take(call, r)
		err = errors.Join(err, takeErr)
		if l != nil {
			s.o.Logger.Info("streams: took a shard", "shard", r.Shard, "owner", r.Owner)
			s.launch(ctx, l)
		}
	}
	if ask != nil {
		s.cache.wants(ask.Shard, s.o.Now())
		err = errors.Join(err, s.rows.want(call, *ask, s.o.Worker))
	}
	return err
}

// launch reads a shard whose lease this worker holds, until its end, or until
// the lease is lost or to be given away.
func (s *session) launch(ctx context.Context, l *lease) {
	r, _ := l.now()
	t := newShardConsumer(s, l)
	s.mu.Lock()
	// A shard has one consumer at a time. A lease that is not launched is not released
	// either: it is the other consumer's, or expires.
	if s.held[r.Shard] != nil || ctx.Err() != nil {
		s.mu.Unlock()
		return
	}
	s.held[r.Shard] = t
	s.mu.Unlock()
	s.cache.put(r)
	s.consumers.Go(func() {
		t.run(ctx) // the lease is released when it returns, so that scan may take it again
		s.mu.Lock()
		delete(s.held, r.Shard)
		s.mu.Unlock()
		s.rescan.Set()
	})
}

// holds reports whether a shard is read here, or about to be.
func (s *session) holds(shard string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[shard] != nil || s.making[shard] > 0
}

// reserve keeps scan from taking a shard until the function that it returns is
// called.
func (s *session) reserve(shard string) (free func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making[shard]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.making[shard]--; s.making[shard] == 0 {
			delete(s.making, shard)
		}
	}
}

func (s *session) consumer(shard string) *shardConsumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[shard]
}

// iterator returns the iterator that was made for a shard at the group's start,
// once.
func (s *session) iterator(shard string) *string {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, ok := s.iterators[shard]
	delete(s.iterators, shard)
	if !ok {
		return nil
	}
	return &it
}

// drained reports whether no record is left: the stream gets no further shards, and
// a scan that was sent after that was known found each row at its end.
func (s *session) drained() bool {
	s.mu.Lock()
	final := s.final
	s.mu.Unlock()
	rows, _, scanned := s.cache.unfinished()
	return !final.IsZero() && scanned.After(final) && len(rows) == 0
}

// note keeps what failed last, for Status, and logs it when it is new.
func (s *session) note(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.lastError
	s.lastError = ""
	if err != nil {
		s.lastError = err.Error()
	}
	if s.lastError != "" && s.lastError != was {
		s.o.Logger.Warn("streams: cannot go on; trying again", "stream", s.stream.ARN, "error", s.lastError)
	}
}

// describe asks for a page of the stream, at the pace of all its describing,
// and some times again after what may heal.
func (s *session) describe(ctx context.Context, in *dynamodbstreams.DescribeStreamInput) (*types.StreamDescription, error) {
	var pace *pacer
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case pace = <-s.describing:
	}
	defer func() { s.describing <- pace }()
	again := wait.Backoff{Least: 100 * time.Millisecond, Most: 10 * time.Second}
	for tries := 0; ; tries++ {
		if err := pace.wait(ctx); err != nil {
			return nil, err
		}
		pace.count()
		call, cancel := context.WithTimeout(ctx, callTime)
		out, err := s.o.Streams.DescribeStream(call, in, onceStreams)
		cancel()
		if err == nil {
			pace.faster()
			return out.StreamDescription, nil
		}
		switch faultOf(err) {
		case throttled:
			pace.slower()
		case gone, refused:
			return nil, err
		}
		if tries == describeTries {
			return nil, err
		}
		if err := again.Wait(ctx); err != nil {
			return nil, err
		}
	}
}
