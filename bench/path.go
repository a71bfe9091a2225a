package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// latency compares the way from an acknowledged write to a delivered event with
// the time of a bare fsync of the same disk.
func latency(ctx context.Context, dir, binary string) error {
	fsync, err := bareFsync(filepath.Join(dir, "fsync"))
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, "latency")
	out, err := exec.CommandContext(ctx, binary, "demo", "--users", "500", "--rate", "250", "--exit", "--json", "--listen", "127.0.0.1:0", "--dir", folder).Output()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var last struct {
		Summary struct {
			P50 float64 `json:"p50_ms"`
			P99 float64 `json:"p99_ms"`
		} `json:"summary"`
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		return err
	}
	floor := float64(fsync.Microseconds()) / 1000
	text := fmt.Sprintf("%.3f ms", floor)
	row("write to delivery, p50, in fsyncs", fmt.Sprintf("%.2f ms", last.Summary.P50), text, last.Summary.P50/floor, "<= 5")
	row("write to delivery, p99, in fsyncs", fmt.Sprintf("%.2f ms", last.Summary.P99), text, last.Summary.P99/floor, "<= 25")
	return nil
}

// bareFsync returns the median time to append a kilobyte to a file and sync it.
func bareFsync(name string) (time.Duration, error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	times := make([]time.Duration, 300)
	block := bytes.Repeat([]byte("x"), 1024)
	for i := range times {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// start measures the binary from its start on an empty folder to its word that
// it is ready, and its memory then.
func start(ctx context.Context, dir, binary string) error {
	const runs = 5
	var times []time.Duration
	var memory, own float64
	if err := evict(binary); err != nil {
		return err
	}
	for i := range runs {
		took, all, anonymous, err := startOnce(ctx, filepath.Join(dir, "start"+strconv.Itoa(i)), binary)
		if err != nil {
			return err
		}
		times = append(times, took)
		memory, own = max(memory, all), max(own, anonymous)
	}
	slices.Sort(times)
	median := float64(times[runs/2].Microseconds()) / 1000
	row("start to ready, empty folder", fmt.Sprintf("%.1f ms", median), "100 ms", median/100, "< 1")
	row("resident memory, idle", fmt.Sprintf("%.1f MB", memory), "50 MB", memory/50, "< 1")
	row("of it, not of the program's file", fmt.Sprintf("%.1f MB", own), "50 MB", own/50, "< 1")
	return nil
}

// startOnce returns how long a start took and how many MB are resident then, in all
// and of the process's own.
func startOnce(ctx context.Context, folder, binary string) (took time.Duration, all, own float64, err error) {
	begin := time.Now()
	config := folder + ".yaml"
	if err := os.WriteFile(config, []byte("tables: {}\n"), 0o600); err != nil {
		return 0, 0, 0, err
	}
	cmd := exec.CommandContext(ctx, binary, "up", "--json", "--dir", folder, "--config", config, "--listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if !bufio.NewScanner(stdout).Scan() {
		return 0, 0, 0, fmt.Errorf("the node ended before it was ready")
	}
	took = time.Since(begin)
	rss, err := resident(cmd.Process.Pid, "VmRSS:")
	if err != nil {
		return 0, 0, 0, err
	}
	anonymous, err := resident(cmd.Process.Pid, "RssAnon:")
	return took, float64(rss) / (1 << 20), float64(anonymous) / (1 << 20), err
}
