// Command bench measures a node against floors taken in the same run, so that
// the figures are ratios that hold on any machine:
//
//   - durable PutItem over HTTP, against a bare net/http handler that commits
//     the same bytes to Pebble with sync;
//   - acknowledged write to delivered event, in bare fsyncs;
//   - start to ready on an empty folder, and memory when idle.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"time"
)

func main() {
	duration := flag.Duration("time", 2*time.Second, "how long each throughput is measured")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the whole run to this `file`")
	flag.Parse()
	stop, err := startProfile(*profile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	defer stop()
	if err := run(context.Background(), *duration); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// startProfile begins a CPU profile, unless file is empty, and returns its end.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

func run(ctx context.Context, d time.Duration) error {
	dir, err := os.MkdirTemp("", "tablecast-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "tablecast")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/tablecast/tablecast/cmd/tablecast").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	fmt.Printf("%-40s %14s %14s %8s %8s\n", "what", "measured", "floor", "ratio", "aim")
	for _, connections := range []int{1, 16, 64} {
		if err := puts(ctx, dir, connections, false, d); err != nil {
			return err
		}
	}
	if err := puts(ctx, dir, 64, true, d); err != nil {
		return err
	}
	if err := latency(ctx, dir, binary); err != nil {
		return err
	}
	return start(ctx, dir, binary)
}

// row prints one figure beside its floor.
func row(what, measured, floor string, ratio float64, aim string) {
	fmt.Printf("%-40s %14s %14s %8.2f %8s\n", what, measured, floor, ratio, aim)
}
