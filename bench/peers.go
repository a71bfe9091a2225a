package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// A rival is a server to measure: its process is started for the run.
type rival struct {
	name    string
	stream  bool
	command func(port, dir string) *exec.Cmd
}

// rivals returns ourselves and the peers that are installed below modules.
func rivals(binary, modules string) []rival {
	ours := func(port, dir string) *exec.Cmd {
		return exec.Command(binary, "up", "--dir", dir, "--listen", "127.0.0.1:"+port)
	}
	all := []rival{{"tablecast, durable, stream on", true, ours}, {"tablecast, durable", false, ours}}
	if path := filepath.Join(modules, "@dynoxide/linux-x64/dynoxide"); exists(path) {
		memory := func(port, _ string) *exec.Cmd { return exec.Command(path, "--port", port) }
		file := func(port, dir string) *exec.Cmd { return exec.Command(path, "--port", port, "--db-path", dir+".db") }
		all = append(all, rival{"dynoxide, memory", false, memory}, rival{"dynoxide, file", false, file}, rival{"dynoxide, file, stream on", true, file})
	}
	if path := filepath.Join(modules, "dynalite/cli.js"); exists(path) {
		dynalite := func(args ...string) *exec.Cmd {
			return exec.Command("node", append([]string{path, "--createTableMs", "0"}, args...)...)
		}
		all = append(all,
			rival{"dynalite, memory", false, func(port, _ string) *exec.Cmd { return dynalite("--port", port) }},
			rival{"dynalite, LevelDB", false, func(port, dir string) *exec.Cmd { return dynalite("--port", port, "--path", dir) }})
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// peers measures puts and gets of items of 1 KB at 1 and 16 connections, each
// server by itself, all of them in turn, round after round.
func peers(ctx context.Context, dir, binary string, s settings) error {
	list := rivals(binary, s.peers)
	if len(list) == 2 {
		return fmt.Errorf("no peer below %s: install them with test/install", s.peers)
	}
	type cell struct{ puts, gets load }
	figures := make([][2]cell, len(list))
	for round := range rounds {
		for i, r := range list {
			url, stop, err := r.start(ctx, filepath.Join(dir, fmt.Sprintf("rival-%d-%d", round, i)))
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			var stored atomic.Uint64
			put := operation{op: "PutItem", body: func(n uint64) string {
				stored.Store(n)
				return fmt.Sprintf(`{"TableName":"users","Item":%s}`, user(n))
			}}
			get := operation{op: "GetItem", body: func(uint64) string {
				return fmt.Sprintf(`{"TableName":"users","Key":{"id":{"S":"u%012d"}}}`, stored.Load()-rand.Uint64N(100))
			}}
			for j, connections := range []int{1, 16} {
				err = errors.Join(err, figures[i][j].puts.run(ctx, url, put, connections, s.time/rounds),
					figures[i][j].gets.run(ctx, url, get, connections, s.time/rounds))
			}
			stop()
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	fmt.Printf("%-34s %10s %10s %10s %10s\n", "requests a second, 1 KB items", "put, 1", "put, 16", "get, 1", "get, 16")
	for i, r := range list {
		f := figures[i]
		fmt.Printf("%-34s %10.0f %10.0f %10.0f %10.0f\n", r.name, f[0].puts.rate(), f[1].puts.rate(), f[0].gets.rate(), f[1].gets.rate())
	}
	return nil
}

// start runs the server with a table, and returns its end.
func (r rival) start(ctx context.Context, dir string) (url string, stop func(), err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	cmd := r.command(port, dir)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	url = "http://127.0.0.1:" + port
	create := `{"TableName":"users","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}]`
	if r.stream {
		create += `,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}`
	}
	for range 200 {
		if _, _, err = post(ctx, http.DefaultClient, url, "CreateTable", create+"}"); err == nil {
			return url, stop, awaitTable(ctx, url)
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, err
}

// awaitTable returns once the table takes a put.
func awaitTable(ctx context.Context, url string) error {
	var err error
	for range 100 {
		if _, _, err = post(ctx, http.DefaultClient, url, "PutItem", `{"TableName":"users","Item":{"id":{"S":"first"}}}`); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}
