package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"
)

// grow measures reads and writes of one item, and the memory, while a table
// grows tenfold and tenfold up to a number of items of about 100 bytes. The
// floor of each size is the figure of the first.
func grow(ctx context.Context, dir string, s settings) error {
	folder, err := os.MkdirTemp(dir, "grow-")
	if err != nil {
		return err
	}
	node, err := serveNode(filepath.Join(folder, "node"), false)
	if err != nil {
		return err
	}
	small := func(n uint64) string {
		return fmt.Sprintf(`{"id":{"S":"u%012d"},"n":{"N":"%d"},"doc":{"S":"%s"}}`, n, numbers.Add(1), doc[:64])
	}
	have := uint64(0)
	var first [2]float64
	for size := uint64(10_000); size <= s.grow; size *= 10 {
		begin := time.Now()
		if err := fillTable(ctx, node, have, size, small); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d items after another %.0f s\n", size, time.Since(begin).Seconds())
		have = size
		settle()
		debug.FreeOSMemory()
		rss := residentNow()
		row(fmt.Sprintf("resident memory, %d items", size), fmt.Sprintf("%d MB", rss>>20), "500 MB", float64(rss)/(500<<20), "< 1")
		ops := []operation{
			{"GetItem", "GetItem", answers, nil, func(uint64) string {
				return fmt.Sprintf(`{"TableName":"users","Key":{"id":{"S":"u%012d"}}}`, rand.Uint64N(size))
			}},
			{"PutItem", "PutItem", commits, nil, func(uint64) string {
				return fmt.Sprintf(`{"TableName":"users","Item":%s}`, small(rand.Uint64N(size)))
			}},
		}
		for i, o := range ops {
			var l load
			if err := l.run(ctx, node.url, o, 16, s.time); err != nil {
				return err
			}
			if first[i] == 0 {
				first[i] = l.rate()
			}
			row(fmt.Sprintf("%s, %d items, 16 connections", o.name, size), l.String(), fmt.Sprintf("%.0f/s", first[i]), l.rate()/first[i], "-")
		}
	}
	return node.stop()
}

// settle returns once the process is at rest: the store merges its files for a
// while after it was filled.
func settle() {
	const look = 200 * time.Millisecond
	for range 600 {
		before := processorTime()
		time.Sleep(look)
		if processorTime()-before < look/20 {
			return
		}
	}
}
