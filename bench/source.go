package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// sourced is how many records a function is fed with, latencies how many commits
// are timed.
const (
	sourced   = 100_000
	latencies = 300
)

// A source is a folder with a table whose changes a handler is fed with.
type source struct {
	store    *kv.Store
	streams  *stream.Streams
	tables   *table.Tables
	mappings *eventsource.Mappings
	stop     func() error
	invoked  chan struct{} // a signal for each call of the handler, if one waits for it
}

// sources measures the way of a record from the stream to a handler, and what
// passes from a commit to the call.
func sources(ctx context.Context, dir string) error {
	s, err := openSource(filepath.Join(dir, "source"))
	if err != nil {
		return err
	}
	if err = s.fill(s.streams.OfTable("users")[0]); err == nil {
		err = s.throughput()
	}
	if err == nil {
		err = s.latency(ctx)
	}
	return errors.Join(err, s.stop())
}

func openSource(dir string) (*source, error) {
	s := &source{invoked: make(chan struct{}, 1)}
	var err error
	if s.store, err = kv.Open(dir, kv.Options{}); err != nil {
		return nil, err
	}
	if s.streams, err = stream.Open(s.store, stream.Options{}); err == nil {
		s.tables, err = table.Open(s.store, s.streams, table.Options{})
	}
	if err == nil {
		_, err = s.tables.Create(table.Spec{Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: stream.NewAndOldImages})
	}
	if err == nil {
		s.mappings, err = eventsource.Open(s.store, eventsource.Options{
			Streams: s.streams, Exists: func(string) bool { return true }, FunctionARN: func(name string) string { return name },
			Invoke: func(context.Context, string, []byte) (function.Result, error) {
				select {
				case s.invoked <- struct{}{}:
				default:
				}
				return function.Result{}, nil
			},
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	running, cancel := context.WithCancel(context.Background())
	var hops sync.WaitGroup
	var failed error
	hops.Go(func() { failed = s.mappings.Run(running) })
	s.stop = func() error {
		cancel()
		hops.Wait()
		return errors.Join(failed, s.store.Close())
	}
	return s, nil
}

// throughput measures records a second from the stream to a handler that does
// nothing, by the size of batches, against reading them.
func (s *source) throughput() error {
	st := s.streams.OfTable("users")[0]
	began := time.Now()
	for position, n := uint64(0), 0; n < sourced; {
		page, err := st.Read(position, 1000, 4<<20)
		if err != nil {
			return err
		}
		position, n = page.Next, n+len(page.Records)
	}
	floor := perSecond(sourced, time.Since(began))
	for _, size := range []int{1, 100, 1000} {
		m := eventsource.Mapping{Stream: st.ARN(), Start: eventsource.TrimHorizon, Settings: eventsource.Defaults()}
		m.Function, m.BatchSize = fmt.Sprint("handler-", size), size
		enough := min(sourced, 5000*size)
		began := time.Now()
		made, err := s.mappings.Create(m)
		if err != nil {
			return err
		}
		for {
			now, err := s.mappings.Get(made.UUID)
			if err != nil {
				return err
			}
			if now.Delivered >= uint64(enough) {
				break
			}
			time.Sleep(time.Millisecond)
		}
		rate := perSecond(enough, time.Since(began))
		aim := ""
		if size == 1000 {
			aim = ">= 100,000/s"
		}
		row(fmt.Sprintf("records to a handler, batch %d / read", size), fmt.Sprintf("%.0f/s", rate), fmt.Sprintf("%.0f/s", floor), rate/floor, aim)
		if _, err := s.mappings.Delete(made.UUID); err != nil {
			return err
		}
	}
	return nil
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// fill writes records of different items, a thousand a commit.
func (s *source) fill(st *stream.Stream) error {
	for n := 0; n < sourced; n += 1000 {
		var changes []stream.Change
		for i := range 1000 {
			id := item.S(fmt.Sprintf("user-%06d", n+i))
			user := item.MapOf(item.Field{Name: "id", Value: id}, item.Field{Name: "email", Value: item.S("ada@example.com")}, item.Field{Name: "username", Value: item.S("ada")})
			changes = append(changes, stream.Change{Partition: item.AppendKey(nil, id), New: user})
		}
		b := s.store.NewBatch()
		appended := st.Append(b, time.Now(), changes)
		if _, err := s.store.Commit(b); err != nil {
			return err
		}
		appended.Committed()
	}
	return nil
}

// latency measures the time from the call of a put to that of the handler,
// against the put alone: what is left is the way from the commit.
func (s *source) latency(ctx context.Context) error {
	st := s.streams.OfTable("users")[0]
	m := eventsource.Mapping{Stream: st.ARN(), Start: eventsource.Latest, Settings: eventsource.Defaults()}
	m.Function = "waited-for"
	made, err := s.mappings.Create(m)
	if err != nil {
		return err
	}
	select { // of a call before
	case <-s.invoked:
	default:
	}
	var puts, calls []time.Duration
	for n := range latencies {
		began := time.Now()
		user := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprintf("user-%06d", n))}, item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()})
		if _, err := s.tables.Put(ctx, table.PutRequest{Table: "users", Item: user}); err != nil {
			return err
		}
		put := time.Since(began)
		<-s.invoked
		puts, calls = append(puts, put), append(calls, time.Since(began)-put)
	}
	slices.Sort(puts)
	slices.Sort(calls)
	const aim = 2 * time.Millisecond
	row("commit to call of a handler, p50 / 2 ms", calls[latencies/2].String(), aim.String(), ratio(calls[latencies/2], aim), "<= 1")
	row("commit to call of a handler, p99 / 2 ms", calls[latencies*99/100].String(), aim.String(), ratio(calls[latencies*99/100], aim), "")
	_, err = s.mappings.Delete(made.UUID)
	return err
}
