package bus

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// A checker checks the buses of a store.
type checker struct {
	r      kv.Reader
	report *fsck.Report
	last   uint64 // the store's last commit
	buses  map[string]bool
	queues map[delivery.QueueID]bool
	timers map[string]string // by rule of the default bus: the expression of its schedule
}

// Check reports what is wrong with the buses of a store which nobody writes, and with
// the deliveries to the targets of their rules: see delivery.Check. last is the
// store's last commit.
func Check(r kv.Reader, last uint64, report *fsck.Report) {
	c := &checker{r: r, report: report, last: last, buses: map[string]bool{}, queues: map[delivery.QueueID]bool{}, timers: map[string]string{}}
	kv.Walk(r, kv.Prefix(kv.NewKey('b')), report, "buses", "buses", c.bus)
	kv.Walk(r, kv.Prefix(kv.NewKey('u')), report, "rules", "rules", c.rule)
	kv.Walk(r, kv.Prefix(kv.NewKey('h')), report, "schedules", "schedules", c.schedule)
	kv.Walk(r, kv.Prefix(kv.NewKey('e')), report, "events", "events", c.event)
	kv.Walk(r, kv.Prefix(kv.NewKey('w').Raw([]byte{'i'})), report, "deduplication ids", "deduplication ids", c.dedup)
	c.archives()
	delivery.Check(r, func(id delivery.QueueID) bool { return c.queues[id] }, func(bus string, seq uint64) bool {
		return kv.Holds(r, eventKey(bus, seq))
	}, report)
}

func (c *checker) bus(key, value []byte) {
	var b Bus
	if err := json.Unmarshal(value, &b); err != nil || !bytes.Equal(key, busKey(b.Name)) {
		c.report.Fault("buses", key, "the bus cannot be read: %v", err)
		return
	}
	c.buses[b.Name] = true
}

func (c *checker) rule(key, value []byte) {
	var r Rule
	if err := json.Unmarshal(bytes.Clone(value), &r); err != nil || !bytes.Equal(key, ruleKey(r.Bus, r.Name)) {
		c.report.Fault("rules", key, "the rule cannot be read: %v", err)
		return
	}
	part := "rule " + r.Name + " of bus " + r.Bus
	if !c.buses[r.Bus] {
		c.report.Fault(part, key, "the bus does not exist")
	}
	if err := checkPattern(r.Pattern); err != nil {
		c.report.Fault(part, key, "the pattern is not valid: %v", err)
	}
	for i := range r.Targets {
		c.queues[delivery.QueueID{Bus: r.Bus, Rule: r.Name, Target: r.Targets[i].ID}] = true
		if err := r.Targets[i].Check(); err != nil {
			c.report.Fault(part, key, "target %s: %v", r.Targets[i].ID, err)
		}
	}
	if r.Schedule == "" {
		return
	}
	c.timers[r.Name] = r.Schedule
	if !kv.Holds(c.r, scheduleKey(r.Name)) {
		c.report.Fault(part, key, "nothing says for which moments its schedule has fired")
	}
}

func (c *checker) schedule(key, value []byte) {
	var t scheduleState
	err := json.Unmarshal(value, &t)
	if err == nil {
		_, err = schedule.Parse(t.Expression)
	}
	expression, known := c.timers[t.Rule]
	switch {
	case err != nil || !bytes.Equal(key, scheduleKey(t.Rule)):
		c.report.Fault("schedules", key, "the state of the schedule cannot be read: %v", err)
	case !known || expression != t.Expression:
		c.report.Fault("schedule of rule "+t.Rule, key, "the rule does not have the schedule %q", t.Expression)
	}
}

func (c *checker) event(key, value []byte) {
	if bytes.Equal(key, retentionKey) {
		var l retentionState
		if err := json.Unmarshal(value, &l); err != nil {
			c.report.Fault("events", key, "the state of the retention cannot be read: %v", err)
		}
		return
	}
	k := kv.ReadKey(key)
	bus, seq := k.String(), k.Uint64()
	switch {
	case k.Err() != nil:
		c.report.Fault("events", key, "the key is malformed")
	case !c.buses[bus]:
		c.report.Fault("bus "+bus, key, "event %d is stored, and the bus does not exist", seq)
	case seq > c.last:
		c.report.Fault("bus "+bus, key, "event %d has a number above the last commit, %d", seq, c.last)
	}
	if _, err := event.DecodeBinary(value); err != nil {
		c.report.Fault("bus "+bus, key, "event %d cannot be read: %v", seq, err)
	}
}

func (c *checker) dedup(key, value []byte) {
	var d dedupRecord
	if err := json.Unmarshal(value, &d); err != nil {
		c.report.Fault("deduplication ids", key, "the id cannot be read: %v", err)
		return
	}
	if !kv.Holds(c.r, dedupTimeKey(d.Time).Raw(key)) {
		c.report.Fault("deduplication ids", key, "the id is not listed to be forgotten")
	}
}

// archives checks the archives: each event is in a segment, whose count it is in.
func (c *checker) archives() {
	names := map[string]bool{}
	under := func(kind byte) kv.Range { return kv.Prefix(kv.NewKey('a').Raw([]byte{kind})) }
	kv.Walk(c.r, under('a'), c.report, "archives", "archives", func(key, value []byte) {
		var a Archive
		if err := json.Unmarshal(value, &a); err != nil || !bytes.Equal(key, archiveKey(a.Name)) {
			c.report.Fault("archives", key, "the archive cannot be read: %v", err)
			return
		}
		names[a.Name] = true
		if !kv.Holds(c.r, ruleKey(a.Bus, archiveRule+a.Name)) {
			c.report.Fault("archive "+a.Name, key, "bus %s has no rule that feeds it", a.Bus)
		}
	})
	segments := map[string][]*segment{}
	kv.Walk(c.r, under('s'), c.report, "archives", "segments", func(key, value []byte) {
		name, ok := c.archiveOf(key, names)
		s, err := decodeSegment(name, key, value)
		if err != nil {
			c.report.Fault("archive "+name, key, "%v", err)
		} else if ok {
			segments[name] = append(segments[name], s)
		}
	})
	c.archived(under('e'), names, segments)
	kv.Walk(c.r, under('r'), c.report, "replays", "replays", func(key, value []byte) {
		var r Replay
		if err := json.Unmarshal(value, &r); err != nil || !bytes.Equal(key, replayKey(r.Name)) {
			c.report.Fault("replays", key, "the replay cannot be read: %v", err)
		} else if r.Position > r.End || r.End > c.last {
			c.report.Fault("replay "+r.Name, key, "it is at %d of %d, and the last commit is %d", r.Position, r.End, c.last)
		}
	})
}

// archiveOf returns the name of the archive in the key of an event or a segment.
func (c *checker) archiveOf(key []byte, names map[string]bool) (string, bool) {
	k := kv.ReadKey(key[1:])
	name := k.String()
	if seq := k.Uint64(); k.Err() != nil || !names[name] || seq > c.last {
		c.report.Fault("archive "+name, key, "there is something of number %d in the archive, which does not exist or has none of that number", seq)
		return name, false
	}
	return name, true
}

// archived checks the events of all archives against their segments, which are in
// the order of their numbers.
func (c *checker) archived(rng kv.Range, names map[string]bool, segments map[string][]*segment) {
	found := map[*segment]*segment{}
	kv.Walk(c.r, rng, c.report, "archives", "archived events", func(key, value []byte) {
		name, ok := c.archiveOf(key, names)
		if !ok {
			return
		}
		seq := keySeq(key)
		e, err := event.DecodeBinary(value)
		if err != nil {
			c.report.Fault("archive "+name, key, "event %d cannot be read: %v", seq, err)
		}
		s := segmentOf(segments[name], seq)
		if s == nil {
			c.report.Fault("archive "+name, key, "event %d is in no segment", seq)
			return
		}
		if found[s] == nil {
			found[s] = &segment{from: math.MaxInt64, to: math.MinInt64}
		}
		found[s].count++
		if e == nil {
			return
		}
		at := e.Time.Unix()
		found[s].from, found[s].to = min(found[s].from, at), max(found[s].to, at)
		found[s].bytes += uint64(len(e.AppendJSON(nil)))
		if at < s.from || at > s.to {
			c.report.Fault("archive "+name, key, "event %d has a time outside of its segment", seq)
		}
	})
	for name, all := range segments {
		for i, s := range all {
			if i > 0 && all[i-1].last >= s.first {
				c.report.Fault("archive "+name, s.key(name), "the segments %d and %d overlap", all[i-1].first, s.first)
			}
			c.segment(name, s, found[s])
		}
	}
}

// segment compares a segment with what its events sum to; nil if it has none.
func (c *checker) segment(archive string, s, found *segment) {
	switch {
	case found == nil:
		c.report.Fault("archive "+archive, s.key(archive), "the segment %d counts %d events, and there are 0", s.first, s.count)
	case found.count != s.count:
		c.report.Fault("archive "+archive, s.key(archive), "the segment %d counts %d events, and there are %d", s.first, s.count, found.count)
	case found.bytes != s.bytes:
		c.report.Fault("archive "+archive, s.key(archive), "the segment %d counts %d bytes of events, and there are %d", s.first, s.bytes, found.bytes)
	case found.from != s.from || found.to != s.to:
		c.report.Fault("archive "+archive, s.key(archive), "the segment %d has events of the times %d to %d, and says %d to %d", s.first, found.from, found.to, s.from, s.to)
	}
}

// segmentOf returns the segment that has a number; nil if none has.
func segmentOf(segments []*segment, seq uint64) *segment {
	i, found := slices.BinarySearchFunc(segments, seq, func(s *segment, seq uint64) int { return cmp.Compare(s.first, seq) })
	if !found {
		i--
	}
	if i < 0 || segments[i].last < seq {
		return nil
	}
	return segments[i]
}
