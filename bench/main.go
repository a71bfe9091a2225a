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
	"errors"
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
	if err := profiled(context.Background(), *profile, *duration); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// profiled runs the benchmarks, with a CPU profile unless file is empty.
func profiled(ctx context.Context, file string, d time.Duration) error {
	if file == "" {
		return run(ctx, d)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = run(ctx, d)
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
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
