package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
)

// watchEvery is how often the file of a running node is looked at.
const watchEvery = time.Second

// watch puts the file into effect whenever it, or one that it names, has
// changed, until ctx ends. A file with faults is refused, and the one in effect
// stays.
func watch(ctx context.Context, node *tablecast.Node, file *config.File, logger *slog.Logger, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	seen := file
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		text, err := os.ReadFile(file.Path)
		if err != nil || !changed(seen, text) {
			continue // an editor may be about to put a new file in its place
		}
		next, err := config.ParseFor(file.Path, text, file.Account, file.Region)
		if err == nil {
			err = node.Reload(ctx, next)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			logger.Error("the changed file is refused; the one before stays in effect", "file", file.Path, "error", err)
			next = &config.File{Path: file.Path, Text: text, Files: seen.Files} // told once
		default:
			logger.Info("the changed file is in effect", "file", file.Path, "version", next.Version)
		}
		seen = next
	}
}

// changed reports whether a file's text, or a file that it named, is another
// one.
func changed(seen *config.File, text []byte) bool {
	if !bytes.Equal(bytes.TrimPrefix(text, []byte("\ufeff")), seen.Text) {
		return true
	}
	for name, was := range seen.Files {
		if is, err := os.ReadFile(seen.Named(name)); err != nil && !errors.Is(err, os.ErrNotExist) || err == nil && !bytes.Equal(is, was) {
			return true
		}
	}
	return false
}
