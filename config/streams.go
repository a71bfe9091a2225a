package config

import (
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// StreamSettings hold for the streams of all tables; zero values are the
// defaults of stream.Options.
type StreamSettings struct {
	Shards            int // of a stream that is enabled from now on
	Retention, Rotate time.Duration
	SplitAbove        int  // records a second
	KeepUnread        bool // trim nothing that events are still to be made of
}

// Limits of the settings of streams.
const (
	maxShards    = 64
	maxRetention = 365 * 24 * time.Hour
	maxSplit     = 1_000_000
)

func (r *reader) streams(n ast.Node) {
	if n == nil {
		return
	}
	fields := r.fields(n, "streams", "shards", "retention", "rotate", "split-above", "keep-unread")
	s := &r.file.Streams
	if v, ok := fields["shards"]; ok {
		s.Shards = r.number(v, "shards of streams", maxShards)
	}
	if v, ok := fields["retention"]; ok {
		s.Retention = r.span(v, "retention of streams", time.Hour, maxRetention)
	}
	if v, ok := fields["rotate"]; ok {
		s.Rotate = r.span(v, "rotate of streams", time.Minute, maxRetention)
	}
	if v, ok := fields["keep-unread"]; ok {
		s.KeepUnread = r.boolean(v, "keep-unread of streams")
	}
	if v, ok := fields["split-above"]; ok {
		s.SplitAbove = r.number(v, "split-above of streams", maxSplit)
	}
}

// span reads a duration between two.
func (r *reader) span(n ast.Node, what string, low, high time.Duration) time.Duration {
	text := n.GetToken().Value
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high {
		r.fault(n, what+" is "+quoted(text), "write "+hours(low)+" to "+hours(high)+", as in 36h")
	}
	return d
}

// hours writes a duration without what is zero in it.
func hours(d time.Duration) string {
	if d < time.Hour {
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Hour)) + "h"
}
