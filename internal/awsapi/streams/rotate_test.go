package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/stream"
)

// A follower reads a stream as consumers on AWS do: it lists the shards page by
// page, reads a shard once its parent is read to its end, and each to its end.
type follower struct {
	client *sdk.Client
	arn    *string
	done   map[string]bool
	seen   func(types.Record) error
}

// round lists the shards and reads those that may be read; it returns how many
// are still open. Closed shards are read to their end.
func (f *follower) round(ctx context.Context) (open int, err error) {
	shards := map[string]types.Shard{}
	in := &sdk.DescribeStreamInput{StreamArn: f.arn, Limit: aws.Int32(7)}
	for {
		out, err := f.client.DescribeStream(ctx, in)
		if err != nil {
			return 0, err
		}
		for _, s := range out.StreamDescription.Shards {
			shards[*s.ShardId] = s
		}
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			break
		}
	}
	for progress := true; progress; {
		progress = false
		for id, s := range shards {
			_, parentListed := shards[aws.ToString(s.ParentShardId)]
			if f.done[id] || parentListed && !f.done[*s.ParentShardId] || s.SequenceNumberRange.EndingSequenceNumber == nil {
				continue
			}
			if err := f.read(ctx, id); err != nil {
				return 0, err
			}
			f.done[id], progress = true, true
		}
	}
	for _, s := range shards {
		if s.SequenceNumberRange.EndingSequenceNumber == nil {
			open++
		}
	}
	return open, nil
}

// read reads a closed shard from its start to its end.
func (f *follower) read(ctx context.Context, shard string) error {
	it, err := f.client.GetShardIterator(ctx, &sdk.GetShardIteratorInput{StreamArn: f.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	for next := it.ShardIterator; next != nil; {
		page, err := f.client.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: next, Limit: aws.Int32(50)})
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := f.seen(r); err != nil {
				return fmt.Errorf("shard %s: %w", shard, err)
			}
		}
		next = page.NextShardIterator
	}
	return nil
}

// A consumer that follows shards from parents to children, through rotations
// and splits under load, sees each change of each item once and in order.
func TestFollowRotations(t *testing.T) {
	const writers, rotations = 4, 50
	n := start(t)
	st := n.create(t, "users", stream.NewImage)
	var stop atomic.Bool
	var writing sync.WaitGroup
	written := [writers]int{}
	for w := range writers {
		writing.Go(func() {
			for v := 1; !stop.Load(); v++ {
				n.put(t, "users", fmt.Sprintf(`{"id":{"S":"u%d"},"v":{"N":"%d"}}`, w, v))
				written[w] = v
			}
		})
	}
	for i := range rotations {
		change := st.Rotate
		if rand.IntN(4) == 0 {
			change = st.Split
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			if _, err := st.Read(0, 1000, 1<<20); err != nil {
				t.Error(err)
			}
		}
	}
	stop.Store(true)
	writing.Wait()
	if err := st.Rotate(); err != nil { // so that all that was written is in closed shards
		t.Fatal(err)
	}
	versions := map[string]int{}
	f := &follower{client: n.client(), arn: aws.String(st.ARN()), done: map[string]bool{}, seen: func(r types.Record) error {
		id := r.Dynamodb.Keys["id"].(*types.AttributeValueMemberS).Value
		v, err := strconv.Atoi(r.Dynamodb.NewImage["v"].(*types.AttributeValueMemberN).Value)
		if err != nil || v != versions[id]+1 {
			return fmt.Errorf("%s: version %d after %d, %w", id, v, versions[id], err)
		}
		versions[id] = v
		return nil
	}}
	open, err := f.round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for w, v := range written {
		if got := versions[fmt.Sprint("u", w)]; got != v {
			t.Errorf("writer %d made %d changes, %d were seen", w, v, got)
		}
	}
	if open < 2 || len(f.done) < rotations {
		t.Errorf("%d open shards, %d closed ones", open, len(f.done))
	}
	merged := map[string]int{}
	for after := uint64(0); ; {
		page, err := st.Read(after, 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			id, _ := r.Keys.Get("id")
			merged[id.Str()]++
		}
		if len(page.Records) == 0 {
			break
		}
		after = page.Next
	}
	for id, v := range versions {
		if merged[id] != v {
			t.Errorf("%s: %d changes in the merged stream, %d in its shards", id, merged[id], v)
		}
	}
	children(t, f, st)
}

// children checks that CHILD_SHARDS finds the children of each shard.
func children(t *testing.T, f *follower, st *stream.Stream) {
	t.Helper()
	want := map[string]int{}
	for _, s := range st.Shards() {
		want[s.Parent]++
	}
	for _, s := range st.Shards() {
		out, err := f.client.DescribeStream(t.Context(), &sdk.DescribeStreamInput{StreamArn: f.arn, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeChildShards, ShardId: aws.String(s.ID)}})
		if err != nil {
			t.Fatal(errors.Join(err))
		}
		if got := len(out.StreamDescription.Shards); got != want[s.ID] {
			t.Errorf("%s has %d children, %d are told of", s.ID, want[s.ID], got)
		}
	}
}
