package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
)

// here is the target that hands events to this process.
const here = "log:-"

// eventBatch is how many events one PutEvents takes.
const eventBatch = 10

// events measures the way from PutEvents, ten events of about 1 KB at a time, to
// a target in the same process whose success is durable, against committing the
// same bytes to Pebble with sync, ten at a time; and how long one event takes at
// half of that rate, in bare fsyncs.
func events(ctx context.Context, dir string, s settings) error {
	n, err := openNewsroom(filepath.Join(dir, "newsroom"), here)
	if err != nil {
		return err
	}
	db, err := pebble.Open(filepath.Join(dir, "bare-newsroom"), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}, MemTableSize: 16 << 20})
	if err != nil {
		return errors.Join(err, n.node.Close())
	}
	half := 0.0
	for _, producers := range []int{1, 16} {
		rate, floor, err := n.throughput(ctx, db, producers, s.time)
		if err != nil {
			return errors.Join(err, db.Close(), n.node.Close())
		}
		half = rate / 2
		row(fmt.Sprintf("PutEvents to delivered, %d producers", producers), fmt.Sprintf("%.0f/s", rate), fmt.Sprintf("%.0f/s", floor), rate/floor, ">= 0.50")
	}
	err = n.latencies(ctx, db, filepath.Join(dir, "newsroom-fsync"), half, s.time)
	return errors.Join(err, db.Close(), n.node.Close())
}

// A newsroom is a node with targets, and notes what arrives at those in this
// process.
type newsroom struct {
	node    *tablecast.Node
	live    int // targets in this process
	arrived atomic.Uint64
	sent    []time.Time // by the number of the event, for latency; nil otherwise
	mu      sync.Mutex
	took    []time.Duration // guarded by mu
}

// openNewsroom opens a node with a rule for each target; each wants all events.
func openNewsroom(dir string, targets ...string) (*newsroom, error) {
	n := &newsroom{}
	var err error
	if n.node, err = tablecast.Open(dir, tablecast.Options{Stdout: n}); err != nil {
		return nil, err
	}
	for i, arn := range targets {
		if arn == here {
			n.live++
		}
		name := fmt.Sprint("r", i)
		err := n.node.Buses().PutRule(bus.Rule{Bus: bus.Default, Name: name, Pattern: `{"source":["bench"]}`})
		if err == nil {
			err = n.node.Buses().PutTargets(bus.Default, name, []bus.Target{{ID: "t", ARN: arn}})
		}
		if err != nil {
			return nil, errors.Join(err, n.node.Close())
		}
	}
	return n, nil
}

// Write takes in an event.
func (n *newsroom) Write(line []byte) (int, error) {
	now := time.Now()
	defer n.arrived.Add(1)
	if n.sent == nil {
		return len(line), nil
	}
	_, rest, _ := bytes.Cut(line, []byte(`"n":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	i, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0, err
	}
	n.mu.Lock()
	n.took = append(n.took, now.Sub(n.sent[i]))
	n.mu.Unlock()
	return len(line), nil
}

// entries returns n events numbered from first on.
func entries(first, n int) []bus.Entry {
	out := make([]bus.Entry, n)
	for i := range out {
		out[i] = bus.Entry{Bus: bus.Default, Source: "bench", DetailType: "Happened", Detail: fmt.Appendf(nil, `{"n":%d,"doc":"%s"}`, first+i, doc[:780])}
	}
	return out
}

// throughput returns the events in a second, from the first put until the last
// is delivered, and the floor's, measured in turn.
func (n *newsroom) throughput(ctx context.Context, db *pebble.DB, producers int, d time.Duration) (rate, floor float64, err error) {
	var ours, bare, oursTime, bareTime float64
	for range rounds {
		begin := time.Now()
		put, err := produce(producers, d/rounds, func(first int) error {
			results, err := n.node.Buses().Put(ctx, entries(first, eventBatch))
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			return err
		})
		if err == nil {
			err = n.node.AwaitQuiet(ctx)
		}
		if err != nil {
			return 0, 0, err
		}
		ours, oursTime = ours+float64(put), oursTime+time.Since(begin).Seconds()
		begin = time.Now()
		put, err = produce(producers, d/rounds, func(first int) error { return commitBare(db, entries(first, eventBatch)) })
		if err != nil {
			return 0, 0, err
		}
		bare, bareTime = bare+float64(put), bareTime+time.Since(begin).Seconds()
	}
	return ours / oursTime, bare / bareTime, nil
}

// produce calls put with the number of the first event of each batch, from
// several goroutines, until d has passed. It returns the number of events.
func produce(producers int, d time.Duration, put func(first int) error) (int, error) {
	var next atomic.Int64
	var producing sync.WaitGroup
	errs := make([]error, producers)
	begin := time.Now()
	for i := range producers {
		producing.Go(func() {
			for time.Since(begin) < d && errs[i] == nil {
				errs[i] = put(int(next.Add(eventBatch)) - eventBatch)
			}
		})
	}
	producing.Wait()
	return int(next.Load()), errors.Join(errs...)
}

// commitBare stores what the entries are as events in one synced batch.
func commitBare(db *pebble.DB, list []bus.Entry) error {
	b := db.NewBatch()
	for i := range list {
		e := &list[i]
		value := append(append([]byte("0123456789012345678901234567890123456"+e.Source), e.DetailType...), e.Detail...)
		if err := b.Set(binary.BigEndian.AppendUint64([]byte("e"), numbers.Add(1)), value, nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// latencies prints how long events take from the call that puts them until the
// target has them, at a rate: the median of the rounds, for the disk has moods;
// and how that compares with committing the same bytes to Pebble at that rate.
func (n *newsroom) latencies(ctx context.Context, db *pebble.DB, file string, rate float64, d time.Duration) error {
	fsync, err := bareFsync(file)
	if err != nil {
		return err
	}
	var half, most, bare []time.Duration
	for range rounds {
		took, err := n.paced(ctx, rate, eventBatch, d/rounds)
		if err != nil {
			return err
		}
		half, most = append(half, took[len(took)/2]), append(most, took[len(took)*99/100])
		if took, err = pacedBare(db, rate, d/rounds); err != nil {
			return err
		}
		bare = append(bare, took[len(took)*99/100])
	}
	p50, p99, floor := middle(half), middle(most), middle(bare)
	name := fmt.Sprintf("PutEvents to target at %.0f/s, ", rate)
	row(name+"p50, in fsyncs", p50.String(), fsync.String(), ratio(p50, fsync), "<= 5")
	row(name+"p99, in fsyncs", p99.String(), fsync.String(), ratio(p99, fsync), "<= 25")
	row(name+"p99, in batches", p99.String(), floor.String(), ratio(p99, floor), "-")
	return nil
}

// paced puts events at a rate, some at a time, until all have arrived. It returns
// how long each took to each target, sorted.
func (n *newsroom) paced(ctx context.Context, rate float64, batch int, d time.Duration) ([]time.Duration, error) {
	batches := max(int(rate*d.Seconds())/batch, 10)
	n.sent, n.took = make([]time.Time, batches*batch), nil
	expected := n.arrived.Load() + uint64(batches*batch*n.live)
	err := pace(batches, rate/float64(batch), func(i int, at time.Time) error {
		for j := range batch {
			n.sent[i*batch+j] = at
		}
		_, err := n.node.Buses().Put(ctx, entries(i*batch, batch))
		return err
	})
	for err == nil && n.arrived.Load() < expected {
		time.Sleep(time.Millisecond)
		err = ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.took)
	return n.took, err
}

// pacedBare returns how long each batch took that was committed to Pebble at
// that rate of events, sorted.
func pacedBare(db *pebble.DB, rate float64, d time.Duration) ([]time.Duration, error) {
	took := make([]time.Duration, max(int(rate*d.Seconds())/eventBatch, 10))
	err := pace(len(took), rate/eventBatch, func(i int, at time.Time) error {
		err := commitBare(db, entries(i*eventBatch, eventBatch))
		took[i] = time.Since(at)
		return err
	})
	slices.Sort(took)
	return took, err
}

// pace makes n calls at a rate, in a goroutine each, and waits for them.
func pace(n int, rate float64, call func(i int, at time.Time) error) error {
	pause := time.Duration(float64(time.Second) / rate)
	begin := time.Now()
	var calls sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * pause)))
		at := time.Now()
		calls.Go(func() { errs[i] = call(i, at) })
	}
	calls.Wait()
	return errors.Join(errs...)
}
