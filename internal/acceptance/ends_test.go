package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

const (
	endsDir  = "TABLECAST_TEST_ENDS_DIR"
	exitCode = 3 // of a process that its mapper ended
)

// endingNode opens a node whose mapper in Go ends the process at one user, once written
// is closed.
func endingNode(dir string, written <-chan struct{}) (*tablecast.Node, error) {
	file, err := config.Parse("tablecast.yaml", []byte(`tables: { users: { key: id, stream: new-and-old-images }, orders: { key: id, stream: new-and-old-images } }`))
	if err != nil {
		return nil, err
	}
	ending := mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		id, _ := r.Keys.Get("id")
		if id.Str() == "bad" {
			<-written
			os.Exit(exitCode)
		}
		return []mapping.Produced{{Detail: []byte(fmt.Sprintf(`{"id":%q}`, id.Str()))}}, nil
	})
	var defs []mapping.Definition
	for _, name := range []string{"users", "orders"} {
		defs = append(defs, mapping.Definition{Name: "Changed" + name, Table: name, Source: "test", Bus: "default", Mapper: ending})
	}
	return tablecast.Open(dir, tablecast.Options{Config: file, Definitions: defs})
}

// runEnding is the process that a start is: it writes items when it is the first, and
// says what raised events and what is parked once all is done.
func runEnding(dir string, first bool) error {
	written := make(chan struct{})
	node, err := endingNode(dir, written)
	if err != nil {
		return err
	}
	defer node.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	put := func(table_, id string, n int) error {
		it := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()})
		_, err := node.Tables().Put(ctx, table.PutRequest{Table: table_, Item: it})
		return err
	}
	if first {
		for n, id := range []string{"a", "b", "bad", "c", "bad"} {
			if err := put("orders", strings.Replace(id, "bad", "d", 1), n); err != nil {
				return err
			}
			if err := put("users", id, n); err != nil {
				return err
			}
		}
	}
	close(written)
	if err := node.AwaitQuiet(ctx); err != nil {
		return err
	}
	for _, r := range node.Relays() {
		fmt.Printf("%s: parked %d\n", r.Table, r.Parked)
	}
	return node.Parked(ctx, "users", parking.Selection{}, func(p *parking.Record) bool {
		fmt.Printf("parked %s %s\n", p.Keys, p.Error)
		return true
	})
}

// The process that is one start; it is this test's program.
func TestStartThatEnds(t *testing.T) {
	dir := os.Getenv(endsDir)
	if dir == "" {
		t.Skip("TestChangeThatEndsTheProcess runs it")
	}
	if err := runEnding(dir, os.Getenv(endsDir+"_FIRST") != ""); err != nil {
		t.Fatal(err)
	}
}

// A change at which the process ended twice, whatever ended it, is parked at the third
// start with the reason, and all else goes on.
func TestChangeThatEndsTheProcess(t *testing.T) {
	dir := t.TempDir()
	for start := 1; start <= 3; start++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestStartThatEnds$", "-test.v")
		cmd.Env = append(os.Environ(), endsDir+"="+dir)
		if start == 1 {
			cmd.Env = append(cmd.Env, endsDir+"_FIRST=1")
		}
		out, err := cmd.CombinedOutput()
		if start < 3 {
			if cmd.ProcessState.ExitCode() != exitCode {
				t.Fatalf("start %d: %v\n%s", start, err, out)
			}
			continue
		}
		if err != nil {
			t.Fatalf("start %d: %v\n%s", start, err, out)
		}
		for _, want := range []string{
			"users: parked 2", "orders: parked 0", `parked {"id":{"S":"bad"}} 2 processes ended while they mapped it`, `parked {"id":{"S":"bad"}} ` + parking.ErrBehind.Error(),
		} {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
}
