package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/wait"
)

const (
	pageBytes  = 1 << 20                // of records, in an answer
	idlePause  = 250 * time.Millisecond // after an empty page
	tipAfter   = 3                      // empty pages in a row: one or two may be amid records
	goneTries  = 6                      // before a shard or a stream is believed to have vanished
	recordCost = 512                    // bytes of a record in memory beyond its own
)

// fetch reads the shard ahead of deliver, once its parents were read, until
// its end or until reading ends. Then it looks for the shard's children, for as
// long as session goes on.
func (t *shardConsumer) fetch(reading, session context.Context) {
	if t.awaitParents(reading, t.s.cache.wasRead) != nil { // then reading ahead does not stand in their way
		return
	}
	f := newFetcher(t)
	for {
		p, err := f.next(reading)
		if err != nil {
			return
		}
		t.full.Add(1)
		select {
		case t.pages <- p:
		case <-reading.Done():
			t.s.budget.give(p.bytes)
			return
		}
		if p.last {
			t.s.cache.markRead(t.shard)
			t.s.consumers.Go(func() { t.s.seek(session, t.shard) })
			return
		}
	}
}

// A fetcher is where the reading of a shard is. It belongs to one goroutine.
type fetcher struct {
	t        *shardConsumer
	arn      string
	iterator *string
	from     types.ShardIteratorType // where the next iterator begins
	number   string                  // of from, if it takes one
	last     string                  // highest number that was fetched
	pace     *pacer
	again    wait.Backoff
	empties  int  // empty pages in a row
	missing  int  // answers in a row that there is no such shard
	cut      bool // records were trimmed, and none was read since
}

func newFetcher(t *shardConsumer) *fetcher {
	f := &fetcher{
		t: t, arn: t.s.stream.ARN, from: types.ShardIteratorTypeTrimHorizon,
		pace: newPacer(t.s.o.CallsPerSecond, t.s.o.Now), again: wait.Backoff{Least: 100 * time.Millisecond, Most: 10 * time.Second},
	}
	switch {
	case t.row.started():
		f.from, f.number, f.last = types.ShardIteratorTypeAfterSequenceNumber, t.row.Checkpoint, t.row.Checkpoint
	case t.row.Begins != "": // as TRIM_HORIZON, but with an error for records that were trimmed
		f.from, f.number = types.ShardIteratorTypeAtSequenceNumber, t.row.Begins
	default:
		f.iterator = t.s.iterator(t.shard)
	}
	return f
}

// next returns the next page that has records, or says that there are none.
func (f *fetcher) next(ctx context.Context) (page, error) {
	for {
		if f.empties > 0 {
			if err := wait.Sleep(ctx, idlePause); err != nil {
				return page{}, err
			}
		}
		p, err := f.read(ctx)
		if err == nil {
			if len(p.records) > 0 || p.last || !p.tip.IsZero() {
				return p, nil
			}
			continue
		}
		if f.recover(err); f.missing >= goneTries {
			f.t.gap("the shard vanished", f.last)
			return page{last: true}, nil
		}
		if err := f.again.Wait(ctx); err != nil {
			return page{}, err
		}
	}
}

// read asks once for what follows.
func (f *fetcher) read(ctx context.Context) (page, error) {
	if f.iterator == nil {
		if err := f.locate(ctx); err != nil {
			return page{}, err
		}
	}
	if err := f.pace.wait(ctx); err != nil {
		return page{}, err
	}
	budget := f.t.s.budget
	if err := budget.take(ctx, pageBytes, func() bool { return f.t.full.Load() > 0 }); err != nil {
		return page{}, err
	}
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	at := f.t.s.o.Now()
	f.pace.count()
	out, err := f.t.s.o.Streams.GetRecords(call, &dynamodbstreams.GetRecordsInput{ShardIterator: f.iterator}, onceStreams)
	if err != nil {
		budget.give(pageBytes)
		return page{}, err
	}
	p := f.take(out, at)
	budget.give(pageBytes - p.bytes)
	return p, nil
}

// take notes what an answer says; it was asked for at a time.
func (f *fetcher) take(out *dynamodbstreams.GetRecordsOutput, at time.Time) page {
	f.pace.faster()
	f.again.Reset()
	f.missing, f.cut = 0, false
	f.t.note(fetching, nil)
	f.iterator = out.NextShardIterator
	p := page{records: f.unread(out.Records), last: out.NextShardIterator == nil}
	for i := range p.records {
		p.bytes += recordCost
		if d := p.records[i].Dynamodb; d != nil {
			p.bytes += aws.ToInt64(d.SizeBytes)
		}
	}
	if f.empties++; len(p.records) > 0 {
		f.empties = 0
	}
	if f.empties >= tipAfter {
		p.tip = at
	}
	return p
}

// unread drops what was fetched before, and notes how far fetching came.
func (f *fetcher) unread(records []types.Record) []types.Record {
	out := records[:0]
	for _, r := range records {
		if n := sequenceOf(&r); n != "" && compareSequence(n, f.last) <= 0 {
			continue
		} else if n != "" {
			f.from, f.number, f.last = types.ShardIteratorTypeAfterSequenceNumber, n, n
		}
		out = append(out, r)
	}
	return out
}

// locate makes an iterator for where the shard is to be read on.
func (f *fetcher) locate(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &f.arn, ShardId: &f.t.shard, ShardIteratorType: f.from}
	if f.number != "" {
		in.SequenceNumber = &f.number
	}
	out, err := f.t.s.o.Streams.GetShardIterator(call, in, onceStreams)
	if err != nil {
		return err
	}
	f.iterator = out.ShardIterator
	return nil
}

// recover makes the shard readable again after an error.
func (f *fetcher) recover(err error) {
	what := faultOf(err)
	if what != gone {
		f.missing = 0
	}
	switch what {
	case expired:
		f.iterator = nil
		return
	case throttled:
		f.pace.slower()
	case gone:
		f.missing++
		f.iterator = nil
	case trimmed:
		if !f.cut {
			f.t.gap("they were trimmed", f.last)
		}
		f.cut, f.iterator = true, nil
		f.from, f.number = types.ShardIteratorTypeTrimHorizon, ""
	case refused:
		if f.from == types.ShardIteratorTypeAtSequenceNumber { // another server, with other numbers
			f.from, f.number = types.ShardIteratorTypeTrimHorizon, ""
		}
		f.iterator = nil
	}
	if !errors.Is(err, context.Canceled) {
		f.t.note(fetching, fmt.Errorf("streams: reading: %w", err))
	}
}
