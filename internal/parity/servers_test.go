package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	api "github.com/tablecast/tablecast/internal/server"
)

// startTime bounds how long a peer may take to answer for the first time.
const startTime = 30 * time.Second

const modules = "../../test/peers/node_modules"

// A peer says how to start another server on a port.
type peer struct {
	name    string
	plain   bool                                 // it models results: requests are valid, and refusals compared without their texts
	lacks   []string                             // operations that it does not have
	command func(port string) (*exec.Cmd, error) // the error says what is missing
}

var peers = []peer{
	{"dynoxide", false, nil, func(port string) (*exec.Cmd, error) {
		path := filepath.Join(modules, "@dynoxide/linux-x64/dynoxide")
		_, err := os.Stat(path)
		return exec.Command(path, "--host", "127.0.0.1", "--port", port), err
	}},
	{"dynalite", false, []string{"TransactWriteItems", "TransactGetItems"}, func(port string) (*exec.Cmd, error) {
		path := filepath.Join(modules, "dynalite/cli.js")
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		node, err := exec.LookPath("node")
		return exec.Command(node, path, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0"), err
	}},
	{"moto", true, nil, func(port string) (*exec.Cmd, error) {
		path, err := exec.LookPath("moto_server")
		return exec.Command(path, "-H", "127.0.0.1", "-p", port), err
	}},
}

// A process is a running peer.
type process struct {
	*server
	peer   peer
	cmd    *exec.Cmd
	output bytes.Buffer
}

// startPeer runs a peer until the test ends, or skips the test by the name of
// the peer.
func startPeer(t *testing.T, p peer) *process {
	t.Helper()
	proc := &process{peer: p}
	if err := proc.start(t); err != nil {
		t.Skipf("%s does not run here (test/install installs what it can): %v", p.name, err)
	}
	t.Cleanup(proc.kill)
	return proc
}

// start starts the peer, without any table.
func (p *process) start(t *testing.T) error {
	t.Helper()
	port := freePort(t)
	cmd, err := p.peer.command(port)
	if err != nil {
		return err
	}
	p.cmd = cmd
	p.output.Reset()
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if err := cmd.Start(); err != nil {
		return err
	}
	p.server = newServer(p.peer.name, "http://127.0.0.1:"+port)
	if err := p.ready(t.Context()); err != nil {
		p.kill()
		return fmt.Errorf("%w\n%s", err, p.output.String())
	}
	return nil
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// restart starts the peer again after a request that it did not answer.
func (p *process) restart(t *testing.T) {
	t.Helper()
	p.kill()
	if err := p.start(t); err != nil {
		t.Fatal(err)
	}
}

// ready waits until the server lists its tables.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := s.must(ctx, "ListTables", object{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startTablecast serves a node on a folder until the test ends.
func startTablecast(t *testing.T) *server {
	t.Helper()
	node, err := tablecast.Open(t.TempDir(), tablecast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opts := api.Options{Listen: "127.0.0.1:0"}
	ln, err := api.Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, node, ln, opts, time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, node.Close()); err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	s := newServer("tablecast", "http://"+ln.Addr().String())
	s.strict = true
	return s
}
