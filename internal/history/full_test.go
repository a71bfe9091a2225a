package history

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// fullConfig has a row of all kinds: events of a bus that is gone are parked, those
// that nobody hears are dead letters, and those of a rule that is disabled wait.
const fullConfig = `
tables:
  users: { key: id, stream: new-and-old-images, ttl: ends, indexes: { by-check: { key: check, project: keys } } }
  ledger: { key: "id, at" }
buses: [main, gone]
events:
  UserCreated: { from: users, on: insert, source: myapp.users, bus: main, detail: { id: "${new.id}", name: "${new.check}" } }
  UserLost: { from: users, on: modify, source: myapp.users, bus: gone }
archives:
  everything: { bus: main }
connections:
  partner: { api-key: { name: X-Key, value: "${env:TABLECAST_PARTNER:-p}" } }
api-destinations:
  orders: { connection: partner, endpoint: "http://127.0.0.1:1/orders" }
rules:
  told: { bus: main, pattern: { source: [myapp.users] }, targets: [ { log: told } ] }
  dead: { bus: main, pattern: { detail: { name: [{ suffix: "7" }] } }, targets: [ { api-destination: orders, retry: { attempts: 1 } } ] }
`

// fullTables are the tables of the full folder and their items.
var fullTables = map[string]int{"users": fullUsers, "ledger": fullUsers}

const fullUsers = 300

// memoryFolder returns a folder in memory if there is one, where syncs cost nothing.
func memoryFolder() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

func openFull(dir string, end func(error)) (*tablecast.Node, error) {
	file, err := config.Parse("full.yaml", []byte(fullConfig))
	if err != nil {
		return nil, err
	}
	return tablecast.Open(dir, tablecast.Options{Config: file, Fatal: end, Endpoint: "http://127.0.0.1:1"})
}

// putFull writes a user and a row of the ledger.
func putFull(ctx context.Context, node *tablecast.Node, id string) error {
	user := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "check", Value: item.S(id)}, item.Field{Name: "at", Value: item.S("now")})
	_, _, err := node.Tables().Transact(ctx, table.Transaction{Token: "of " + id, Requests: []table.Request{
		table.PutRequest{Table: "users", Item: user}, table.PutRequest{Table: "ledger", Item: user},
	}})
	return err
}

func countItems(ctx context.Context, node *tablecast.Node, name string) (n int, err error) {
	page, err := node.Tables().Scan(ctx, table.ScanRequest{Table: name})
	if err != nil {
		return 0, err
	}
	return len(page.Items), nil
}

// fullFolders makes a folder with everything in it, and returns it as it is while
// its node runs, as a kill leaves it, and closed.
func fullFolders(t *testing.T) (closed, killed *folder) {
	t.Helper()
	dir, err := os.MkdirTemp(memoryFolder(), "tablecast-full-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dir = filepath.Join(dir, "data")
	fatal := func(err error) { panic(fmt.Sprintf("fatal: %v", err)) }
	for part := range 3 { // each start makes tables of what the log holds
		node, err := openFull(dir, fatal)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, node, part)
		if part == 2 {
			awaitWatermark(t, node, dir)
			killed = readFolder(t, dir)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return readFolder(t, dir), killed
}

// fill writes a third of the full folder.
func fill(t *testing.T, node *tablecast.Node, part int) {
	t.Helper()
	var err error
	if part == 1 {
		err = node.Buses().Delete("gone")
	}
	if part == 0 {
		_, err = node.Functions().Create(function.Function{Name: "hear", Code: function.Code{Zip: codeZip(t)}, Config: function.Config{Runtime: "python3.12", Handler: "app.handler"}})
	}
	for i := range fullUsers / 3 {
		err = errors.Join(err, putFull(t.Context(), node, fmt.Sprintf("u%04d", part*fullUsers/3+i)))
	}
	if part == 1 {
		user := item.MapOf(item.Field{Name: "id", Value: item.S("u0000")}, item.Field{Name: "check", Value: item.S("again")})
		_, err2 := node.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: user})
		err = errors.Join(err, err2)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := errors.Join(err, node.AwaitQuiet(ctx)); err != nil {
		t.Fatal(err)
	}
}

// codeZip returns a function's code.
func codeZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("app.py")
	if err == nil {
		_, err = f.Write([]byte("def handler(event, context):\n    return event\n"))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// awaitWatermark waits until the watermark has the newest commit, from when on its
// loss is noticed.
func awaitWatermark(t *testing.T, node *tablecast.Node, dir string) {
	t.Helper()
	for {
		text, err := os.ReadFile(filepath.Join(dir, "WATERMARK"))
		if err != nil {
			t.Fatal(err)
		}
		if max(binary.BigEndian.Uint64(text), binary.BigEndian.Uint64(text[4096:])) >= node.Stats().Durable {
			return
		}
		if err := wait.Sleep(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
