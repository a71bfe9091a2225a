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
	"time"
)

func main() {
	duration := flag.Duration("time", 2*time.Second, "how long each throughput is measured")
	flag.Parse()
	if err := run(context.Background(), *duration); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
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
	fmt.Printf("%-34s %14s %14s %8s %8s\n", "what", "measured", "floor", "ratio", "aim")
	for _, connections := range []int{1, 16, 64} {
		if err := puts(ctx, dir, connections, d); err != nil {
			return err
		}
	}
	if err := latency(ctx, dir, binary); err != nil {
		return err
	}
	return start(ctx, dir, binary)
}

// row prints one figure beside its floor.
func row(what, measured, floor string, ratio float64, aim string) {
	fmt.Printf("%-34s %14s %14s %8.2f %8s\n", what, measured, floor, ratio, aim)
}
