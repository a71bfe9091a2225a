package streams

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// retention is how long the service keeps records.
const retention = 24 * time.Hour

// A Status is what Reader.Status returns, for operators and metrics.
type Status struct {
	Stream string // ARN of the one being read; empty between two
	// Shards are those that are not processed to their end, of all workers, in the
	// order of their ids.
	Shards []ShardStatus
	// Moved is when any checkpoint last advanced, or a shard was found to have
	// nothing new.
	Moved time.Time
	Gaps  uint64 // times that records of the stream were trimmed unread
	Error string // what fails, apart from single shards; empty: nothing
}

// A ShardStatus is the progress of one shard. That of another worker is as it last
// wrote it, some seconds ago.
type ShardStatus struct {
	ID, Owner  string
	Mine       bool          // this reader's
	Checkpoint string        // sequence number of the last record processed, or TRIM_HORIZON
	Lag        time.Duration // age of the first record that may not be processed
	ToTrim     time.Duration // until that record is trimmed, at most
	Gaps       uint64
	Error      string // what fails; empty: nothing
}

// Status returns the progress of all shards and what fails.
func (r *Reader) Status() Status {
	r.mu.Lock()
	s, idle := r.session, Status{Error: r.lastError, Moved: r.worked}
	r.mu.Unlock()
	if s == nil {
		return idle
	}
	return s.status()
}

// Ready returns nil while shards make progress or there are none, else ErrStalled
// with the reason.
func (r *Reader) Ready() error {
	st := r.Status()
	still := r.o.Now().Sub(st.Moved)
	if still < r.o.StallAfter || st.Stream == "" && st.Error == "" {
		return nil
	}
	why := st.Error
	for _, sh := range st.Shards {
		why = cmp.Or(why, sh.Error)
	}
	return fmt.Errorf("%w: %d shards of table %s for %v: %s", ErrStalled, len(st.Shards), r.o.Table, still.Round(time.Second), cmp.Or(why, "no error is known"))
}

func (s *session) status() Status {
	s.mu.Lock()
	out := Status{Stream: s.stream.ARN, Error: s.lastError}
	held := make(map[string]*shardConsumer, len(s.held))
	for shard, t := range s.held {
		held[shard] = t
	}
	s.mu.Unlock()
	s.cache.mu.Lock()
	out.Moved = s.cache.moved
	all := make([]row, 0, len(s.cache.rows))
	for _, r := range s.cache.rows {
		all = append(all, r)
	}
	s.cache.mu.Unlock()
	now := s.o.Now()
	for _, r := range all {
		t := held[r.Shard]
		var moved time.Time
		if t != nil {
			r, moved = t.lease.now()
		}
		if out.Gaps += r.Gaps; moved.After(out.Moved) {
			out.Moved = moved
		}
		if !r.done() {
			out.Shards = append(out.Shards, s.shardStatus(r, t, now))
		}
	}
	slices.SortFunc(out.Shards, func(a, b ShardStatus) int { return strings.Compare(a.ID, b.ID) })
	if len(out.Shards) == 0 && s.cache.looked() {
		out.Moved = now
	}
	return out
}

func (s *session) shardStatus(r row, t *shardConsumer, now time.Time) ShardStatus {
	out := ShardStatus{ID: r.Shard, Owner: r.Owner, Mine: t != nil, Checkpoint: r.Checkpoint, Gaps: r.Gaps, ToTrim: retention}
	if t != nil {
		t.mu.Lock()
		out.Error = cmp.Or(t.lastError[:]...)
		t.mu.Unlock()
	}
	if from := s.behind(r); !from.IsZero() {
		out.Lag = max(now.Sub(from), 0)
		out.ToTrim = retention - out.Lag
	}
	return out
}

// behind returns the time up to which a shard's records are dealt with; zero if
// nothing is known. A shard that was never read has its birth in its id.
func (s *session) behind(r row) time.Time {
	at := r.Reached
	if digits, _, ok := strings.Cut(strings.TrimPrefix(r.Shard, "shardId-"), "-"); at.IsZero() && ok && len(digits) == 20 {
		if ms, err := strconv.ParseInt(digits, 10, 64); err == nil {
			at = time.UnixMilli(ms)
		}
	}
	if !at.IsZero() && at.Before(s.stream.Since) {
		at = s.stream.Since
	}
	return at
}

// watch warns of shards of this worker that fall behind, at each of some hours
// once.
func (s *session) watch() {
	for _, sh := range s.status().Shards {
		t := s.consumer(sh.ID)
		if t == nil {
			continue
		}
		level := 0
		for _, hours := range []int{6, 12, 18} {
			if sh.Lag >= time.Duration(hours)*time.Hour {
				level = hours
			}
		}
		if level > t.warned {
			s.o.Logger.Warn("streams: a shard lags; records are trimmed after 24 h", "shard", sh.ID, "lag", sh.Lag.Round(time.Second), "toTrim", sh.ToTrim.Round(time.Second), "error", sh.Error)
		}
		t.warned = level
	}
}
