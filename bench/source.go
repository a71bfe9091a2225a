package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function/process"
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

// A handler takes the payload of a batch.
type handler func(ctx context.Context, payload []byte) (process.Result, error)

// A source is a folder with a table whose changes a handler is fed with.
type source struct {
	store    *kv.Store
	streams  *stream.Streams
	tables   *table.Tables
	mappings *eventsource.Mappings
	stop     func() error
	handle   handler
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
		err = s.throughput("a handler", ">= 100,000/s")
	}
	if err == nil {
		err = s.latency(ctx, "a handler")
	}
	if err == nil {
		err = s.program(ctx, filepath.Join(dir, "program"))
	}
	return errors.Join(err, s.stop())
}

// program measures the same to a program in Go that does nothing, a process of
// its own that HTTP reaches; its floor is a call of it.
func (s *source) program(ctx context.Context, dir string) error {
	binary := filepath.Join(dir, "bootstrap")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/tablecast/tablecast/bench/testdata/noop").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	fn, err := process.Open(process.Spec{Name: "noop", Dir: dir, Binary: binary, Timeout: time.Minute, Endpoint: "http://127.0.0.1:1"}, process.Options{})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	var hop sync.WaitGroup
	var ended error
	hop.Go(func() { ended = fn.Run(running) })
	s.handle = func(ctx context.Context, payload []byte) (process.Result, error) {
		return fn.Invoke(ctx, payload, process.InvokeOptions{})
	}
	if err = s.calls(ctx); err == nil {
		err = s.throughput("a program", "")
	}
	if err == nil {
		err = s.latency(ctx, "a program")
	}
	cancel()
	hop.Wait()
	return errors.Join(err, ended)
}

// calls measures calls of the handler, one after the other.
func (s *source) calls(ctx context.Context) error {
	const calls = 2000
	began := time.Now()
	for range calls {
		if r, err := s.handle(ctx, []byte("{}")); err != nil || r.FunctionError != "" {
			return fmt.Errorf("the program failed: %s %w", r.Payload, err)
		}
	}
	fmt.Printf("%-44s %16s\n", "calls of a program, one after the other", fmt.Sprintf("%.0f/s", perSecond(calls, time.Since(began))))
	return nil
}

func openSource(dir string) (*source, error) {
	s := &source{invoked: make(chan struct{}, 1), handle: func(context.Context, []byte) (process.Result, error) { return process.Result{}, nil }}
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
			Invoke: func(ctx context.Context, _ string, payload []byte) (process.Result, error) {
				r, err := s.handle(ctx, payload)
				select {
				case s.invoked <- struct{}{}:
				default:
				}
				return r, err
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
func (s *source) throughput(what, most string) error {
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
		m.Function, m.BatchSize = strings.ReplaceAll(fmt.Sprint(what, " ", size), " ", "-"), size
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
			aim = most
		}
		row(fmt.Sprintf("records to %s, batch %d / read", what, size), fmt.Sprintf("%.0f/s", rate), fmt.Sprintf("%.0f/s", floor), rate/floor, aim)
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
func (s *source) latency(ctx context.Context, what string) error {
	st := s.streams.OfTable("users")[0]
	m := eventsource.Mapping{Stream: st.ARN(), Start: eventsource.Latest, Settings: eventsource.Defaults()}
	m.Function = strings.ReplaceAll(what, " ", "-")
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
		user := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprintf("user-%06d", n))}, item.Field{Name: "at", Value: item.NumOf(began.UnixNano()).Value()})
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
	row("commit to the end of a call of "+what+", p50 / 2 ms", calls[latencies/2].String(), aim.String(), ratio(calls[latencies/2], aim), "<= 1")
	row("commit to the end of a call of "+what+", p99 / 2 ms", calls[latencies*99/100].String(), aim.String(), ratio(calls[latencies*99/100], aim), "")
	_, err = s.mappings.Delete(made.UUID)
	return err
}
