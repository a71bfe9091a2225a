package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A served is something that answers at a URL until it is stopped.
type served struct {
	url    string
	tables *table.Tables // of a node
	stop   func() error
}

const (
	benchTables = "tables: { users: { key: id, stream: new-image }, lines: { key: { pk: S, sk: N } } }\n"
	benchEvent  = "events: { UserCreated: { from: users, on: insert, source: bench } }\n"
)

// serveNode runs a node in this process: a table with its stream on, with
// events also a mapping, and a table with sort keys.
func serveNode(dir string, events bool) (*served, error) {
	text := benchTables
	if events {
		text += benchEvent
	}
	file, err := config.Parse("bench.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	node, err := tablecast.Open(dir, tablecast.Options{Config: file})
	if err != nil {
		return nil, err
	}
	opts := server.Options{Listen: "127.0.0.1:0"}
	ln, err := server.Listen(opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, node, ln, opts, time.Second) }()
	stop := func() error { cancel(); return errors.Join(<-done, node.Close()) }
	return &served{"http://" + ln.Addr().String(), node.Tables(), stop}, nil
}

// fillNode stores the items and the lines that the operations read.
func fillNode(ctx context.Context, node *served, items uint64) error {
	if err := fillTable(ctx, node, 0, items, user); err != nil {
		return err
	}
	for i := range 1000 {
		line := fmt.Sprintf(`{"pk":{"S":"p"},"sk":{"N":"%d"},"doc":{"S":"%s"}}`, i, doc[:100])
		it, err := parse(line)
		if err != nil {
			return err
		}
		if _, err := node.tables.Put(ctx, table.PutRequest{Table: "lines", Item: it}); err != nil {
			return err
		}
	}
	return nil
}

// fillTable stores the items with the numbers from first to below last.
func fillTable(ctx context.Context, node *served, first, last uint64, make func(uint64) string) error {
	const workers, batch = 8, 25
	var filling sync.WaitGroup
	errs := [workers]error{}
	for w := range uint64(workers) {
		filling.Go(func() {
			for n := first + w*batch; n < last && errs[w] == nil; n += workers * batch {
				var writes []table.BatchWrite
				for i := n; i < min(n+batch, last) && errs[w] == nil; i++ {
					it, err := parse(make(i))
					errs[w] = err
					writes = append(writes, table.BatchWrite{Table: "users", Put: it})
				}
				if errs[w] == nil {
					_, errs[w] = node.tables.Batch(ctx, writes)
				}
			}
		})
	}
	filling.Wait()
	return errors.Join(errs[:]...)
}

func parse(text string) (item.Item, error) {
	var it item.Item
	err := json.Unmarshal([]byte(text), &it)
	return it, err
}

// serveFloor runs what the operation is compared with.
func serveFloor(ctx context.Context, dir string, o operation, node string) (*served, error) {
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}, MemTableSize: 16 << 20})
	if err != nil {
		return nil, err
	}
	answer, header, err := post(ctx, http.DefaultClient, node, o.op, o.body(numbers.Add(1)))
	if err != nil {
		return nil, err
	}
	f := &bare{db: db, answer: answer}
	if o.floor == scans {
		if err := f.fill(); err != nil {
			return nil, err
		}
	}
	handle := map[floor]func([]byte) error{
		commits: f.commit, scans: f.scan, answers: func([]byte) error { return nil },
	}[o.floor]
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = handle(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, name := range []string{"Content-Type", "X-Amz-Crc32", "X-Amzn-Requestid"} {
			w.Header()[name] = header[name]
		}
		w.Write(f.answer)
	})}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	return &served{"http://" + ln.Addr().String(), nil, func() error { return errors.Join(srv.Close(), db.Close(), os.RemoveAll(dir)) }}, nil
}

// A bare is the work of a floor.
type bare struct {
	db     *pebble.DB
	answer []byte
}

// commit stores the bytes under a new key, durably.
func (f *bare) commit(body []byte) error {
	return f.db.Set(binary.BigEndian.AppendUint64([]byte("c"), numbers.Add(1)), body, pebble.Sync)
}

// fill stores the rows that scan reads.
func (f *bare) fill() error {
	b := f.db.NewBatch()
	for i := range uint64(1000) {
		if err := b.Set(binary.BigEndian.AppendUint64([]byte("s"), i), []byte(doc[:110]), nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// scan reads ten rows.
func (f *bare) scan([]byte) error {
	it, err := f.db.NewIter(&pebble.IterOptions{LowerBound: binary.BigEndian.AppendUint64([]byte("s"), numbers.Add(1)%990), UpperBound: []byte("t")})
	if err != nil {
		return err
	}
	n := 0
	for ok := it.First(); ok && n < 10; ok = it.Next() {
		n += len(it.Value()) / 110
	}
	return it.Close()
}

type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// resident returns memory of a process that is resident, of a kind as Linux names
// it (VmRSS: for all, RssAnon: for its own), in bytes; 0 on systems that do not
// tell.
func resident(pid int, kind string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, nil
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, kind); ok {
			var kb int64
			_, err := fmt.Sscan(rest, &kb)
			return kb << 10, err
		}
	}
	return 0, nil
}
