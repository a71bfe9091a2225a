// Command bench measures a node against floors taken in the same run, so that
// the figures are ratios that hold on any machine:
//
//   - operations of DynamoDB over HTTP, at several numbers of connections,
//     against a bare net/http handler that does the least that any server must:
//     commit the same bytes to Pebble with sync, or read as many rows, or return
//     the same bytes;
//   - acknowledged write to delivered event, in bare fsyncs;
//   - one event against all rules of a bus, in decodings of the same event;
//   - events through the publisher, in bare calls of PutEvents, and records
//     through a worker, in bare reads and such calls;
//   - start to ready on an empty folder, and memory when idle.
//
// Client and server share the process and the machine, so that the processor
// time in the table is that of both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	time        time.Duration // of each throughput
	items       uint64        // of about 1 KB in the table
	grow        uint64        // items of about 100 bytes to grow to; 0: no growth
	connections []int
	only        *regexp.Regexp // names of operations
	peers       string         // folder of other servers to compare with; empty: none
	profile     string
}

func main() {
	s, err := parseSettings()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := profiled(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseSettings() (s settings, err error) {
	flag.DurationVar(&s.time, "time", time.Second, "how long each throughput is measured")
	flag.Uint64Var(&s.items, "items", 10_000, "items of about 1 KB in the table")
	flag.Uint64Var(&s.grow, "grow", 0, "instead of all else, let a table grow to this many items of about 100 bytes")
	flag.StringVar(&s.peers, "peers", "", "instead of all else, compare with the other servers that are installed in this folder")
	connections := flag.String("connections", "1,16,64,256", "numbers of connections")
	only := flag.String("only", "", "measure only the operations whose name matches this regular expression")
	flag.StringVar(&s.profile, "cpuprofile", "", "write a CPU profile of the whole run to this `file`")
	flag.Parse()
	for text := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return s, fmt.Errorf("-connections: %q is no number above 0", text)
		}
		s.connections = append(s.connections, n)
	}
	s.only, err = regexp.Compile(*only)
	return s, err
}

// profiled runs the benchmarks, with a CPU profile if one is asked for.
func profiled(ctx context.Context, s settings) error {
	if s.profile == "" {
		return run(ctx, s)
	}
	f, err := os.Create(s.profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = run(ctx, s)
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func run(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "tablecast-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.peers != "" {
		binary, err := build(ctx, dir)
		if err != nil {
			return err
		}
		return peers(ctx, dir, binary, s)
	}
	fmt.Printf("%-44s %16s %16s %8s %8s\n", "what", "measured", "floor", "ratio", "aim")
	if s.grow > 0 {
		return grow(ctx, dir, s)
	}
	if err := operate(ctx, dir, s); err != nil || s.only.String() != "" {
		return err
	}
	if err := errors.Join(eventEach(ctx, dir, s), events(ctx, dir, s), deadAmongLive(ctx, dir, s), patterns(s.time), mappings(s.time), sources(ctx, dir), publishing(ctx, dir, s.time), carrying(ctx, dir)); err != nil {
		return err
	}
	binary, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if err := latency(ctx, dir, binary); err != nil {
		return err
	}
	return start(ctx, dir, binary)
}

// build builds the binary.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "tablecast")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/tablecast/tablecast/cmd/tablecast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

// eventEach measures PutItem where each put raises an event, which is a second
// commit.
func eventEach(ctx context.Context, dir string, s settings) error {
	node, err := serveNode(filepath.Join(dir, "events"), true)
	if err != nil {
		return err
	}
	for _, o := range operations(s.items) {
		if o.name != "PutItem" {
			continue
		}
		o.name, o.aims = "PutItem, an event each", nil
		bare, err := serveFloor(ctx, filepath.Join(dir, "bare-events"), o, node.url)
		if err != nil {
			return err
		}
		if err := errors.Join(o.measure(ctx, node.url, bare.url, 64, s.time), bare.stop()); err != nil {
			return err
		}
	}
	return node.stop()
}

// row prints one figure beside its floor.
func row(what, measured, floor string, ratio float64, aim string) {
	fmt.Printf("%-44s %16s %16s %8.2f %8s\n", what, measured, floor, ratio, aim)
}
