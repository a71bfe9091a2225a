package streams

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/wait"
)

const (
	describesPerSecond = 5 // of the 10 that all of an account have
	describeTries      = 5
	callTime           = 20 * time.Second
	listEvery          = time.Minute
	listSoon           = 5 * time.Second // while a shard that ended has no child
	listAgain          = time.Second     // once the stream is disabled
	unlistedFor        = time.Minute     // before a parent that can be read is believed to stay unlisted
)

// A listing is the shards of a stream as DescribeStream returned them. No two need
// agree: one may lack a shard that another has, or show it open that has children.
type listing struct {
	shards   map[string]listedShard
	disabled bool // no further shards come
	complete bool // all pages
}

// A listedShard is a shard as a listing has it.
type listedShard struct {
	parents []string
	begins  string
	closed  bool
}

// add takes in the shards of a page. A shard may be listed more than once, and
// of more than one parent.
func (l *listing) add(d *types.StreamDescription, parent string) {
	l.disabled = d.StreamStatus == types.StreamStatusDisabled
	for _, sh := range d.Shards {
		id, s := aws.ToString(sh.ShardId), l.shards[aws.ToString(sh.ShardId)]
		for _, p := range []string{aws.ToString(sh.ParentShardId), parent} {
			if p != "" && p != id && !slices.Contains(s.parents, p) {
				s.parents = append(s.parents, p)
			}
		}
		if r := sh.SequenceNumberRange; r != nil {
			s.begins, s.closed = aws.ToString(r.StartingSequenceNumber), r.EndingSequenceNumber != nil
		}
		l.shards[id] = s
	}
}

// list asks for all pages; what it returns with an error are those before.
func (s *session) list(ctx context.Context) (listing, error) {
	out := listing{shards: map[string]listedShard{}}
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &s.stream.ARN}
	for {
		d, err := s.describe(ctx, in)
		if err != nil {
			return out, err
		}
		out.add(d, "")
		if in.ExclusiveStartShardId = d.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			out.complete = true
			return out, nil
		}
	}
}

// discover makes rows for the shards of the stream, until ctx ends. The stream
// has ended once two listings in a row say so and bring nothing new.
func (s *session) discover(ctx context.Context) {
	readers := readerCount{s: s}
	for missing, quiet := 0, 0; ; {
		readers.update(ctx)
		found, err := s.list(ctx)
		created, syncErr := s.syncShards(ctx, found, "")
		if err != nil && faultOf(err) == gone {
			missing++
		} else {
			missing = 0
			s.note(errors.Join(err, syncErr))
		}
		ended := err == nil && found.disabled || missing >= goneTries
		if quiet++; !ended || created > 0 || syncErr != nil {
			quiet = 0
		}
		if quiet >= 2 {
			s.end(missing > 0)
		}
		pause := listEvery
		switch {
		case ended || missing > 0:
			pause = listAgain
		case err != nil || syncErr != nil || s.cache.leaves():
			pause = listSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-s.resync:
		case <-time.After(wait.Jitter(pause)):
		}
	}
}

// end notes that the stream gets no further shards. One that vanished before it
// was read to its end may have had some.
func (s *session) end(vanished bool) {
	s.mu.Lock()
	first := s.final.IsZero()
	if first {
		s.final = s.o.Now()
	}
	s.mu.Unlock()
	if first && vanished {
		s.o.Logger.Error("streams: gap: the stream vanished before it was read to its end; shards that were not known may be lost", "stream", s.stream.ARN)
	}
	if first {
		s.rescan.Set()
	}
}

// seek looks for the children of a shard that was read to its end, more and
// more seldom, and takes them for this worker.
func (s *session) seek(ctx context.Context, parent string) {
	again := wait.Backoff{Least: 50 * time.Millisecond, Most: time.Second}
	for range 10 {
		found, err := s.children(ctx, parent)
		if len(found.shards) > 0 {
			if _, err = s.syncShards(ctx, found, s.o.Worker); err == nil {
				return
			}
		}
		if err == nil && found.disabled {
			break
		}
		if again.Wait(ctx) != nil {
			return
		}
	}
	s.resync.Set()
}

// children returns the children of a shard.
func (s *session) children(ctx context.Context, parent string) (listing, error) {
	out := listing{shards: map[string]listedShard{}}
	in := &dynamodbstreams.DescribeStreamInput{
		StreamArn: &s.stream.ARN, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeChildShards, ShardId: &parent},
	}
	for s.filters() {
		d, err := s.describe(ctx, in)
		switch {
		case err != nil && faultOf(err) == refused, err == nil && strangers(d, parent):
			s.unfilter(err)
			continue
		case err != nil:
			return out, err
		}
		out.add(d, parent)
		if in.ExclusiveStartShardId = d.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return out, nil
		}
	}
	all, err := s.list(ctx)
	for id, sh := range all.shards {
		if !slices.Contains(sh.parents, parent) {
			delete(all.shards, id)
		}
	}
	return all, err
}

// strangers reports whether an answer has shards that cannot be children of
// parent: the server ignored the filter.
func strangers(d *types.StreamDescription, parent string) bool {
	return slices.ContainsFunc(d.Shards, func(s types.Shard) bool {
		return aws.ToString(s.ShardId) == parent || aws.ToString(s.ParentShardId) == ""
	})
}

func (s *session) filters() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.unfiltered
}

func (s *session) unfilter(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unfiltered {
		return
	}
	s.unfiltered = true
	s.o.Logger.Info("streams: the server does not offer CHILD_SHARDS; listing all shards instead", "error", err)
}
