package eventsource

import (
	"encoding/binary"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A progress is what the checkpoints of a mapping count, and what is parked.
type progress struct {
	Counts
	parked  uint64
	damaged bool                    // a checkpoint cannot be read, so the counts are not known
	shards  map[uint64]stream.Shard // of its stream, by number
}

// Check reports what is wrong with the event source mappings of a store which nobody
// writes: checkpoints beyond the last commit or their shards, and parked records that
// cannot be read or are not counted. streams come from stream.Check, last is the
// store's last commit.
func Check(r kv.Reader, streams *stream.Streams, last uint64, report *fsck.Report) {
	mappings := map[string]*progress{}
	kv.Walk(r, kv.Prefix(kv.NewKey('v').Uint64(0)), report, "event source mappings", "event source mappings", func(key, value []byte) {
		var m Mapping
		if err := json.Unmarshal(value, &m); err != nil || string(key) != string(mappingKey(m.UUID)) {
			report.Fault("event source mappings", key, "the mapping cannot be read: %v", err)
			return
		}
		if _, err := m.compile(); err != nil {
			report.Fault("event source mapping "+m.UUID, key, "%v", err)
		}
		mappings[m.UUID] = &progress{shards: shardsOf(streams, m.Stream)}
	})
	// A crash while a mapping is deleted leaves progress of one that is gone, which
	// nothing reads.
	kv.Walk(r, kv.Prefix(kv.NewKey('v').Uint64(1)), report, "event source mappings", "checkpoints", func(key, value []byte) {
		uuid, p := progressOf(key, mappings)
		if p == nil {
			return
		}
		if len(key) != len(checkpointKey(uuid, 0)) {
			report.Fault("event source mapping "+uuid, key, "the key of the checkpoint is malformed")
			return
		}
		var c checkpoint
		if err := json.Unmarshal(value, &c, anyState); err != nil {
			p.damaged = true
			report.Fault("event source mapping "+uuid, key, "the checkpoint cannot be read: %v", err)
			return
		}
		p.add(c.Counts)
		if c.Position > last {
			report.Fault("event source mapping "+uuid, key, "the checkpoint is at %d, and the last commit is %d", c.Position, last)
		}
		p.checkShard(uuid, key, &c, report)
	})
	kv.Walk(r, kv.Prefix(kv.NewKey('v').Uint64(2)), report, "event source mappings", "parked records", func(key, value []byte) {
		uuid, p := progressOf(key, mappings)
		if p == nil {
			return
		}
		p.parked++
		parked, err := decodeParked(key, value)
		if err == nil {
			_, err = parked.Change()
		}
		if err != nil {
			report.Fault("event source mapping "+uuid, key, "the parked record cannot be read: %v", err)
		}
	})
	for uuid, p := range mappings {
		if held := p.Parked - p.Redriven - p.Dropped; held != p.parked && !p.damaged {
			report.Fault("event source mapping "+uuid, mappingKey(uuid), "%d records were parked, %d redriven and %d dropped, so %d are parked now, and there are %d", p.Parked, p.Redriven, p.Dropped, held, p.parked)
		}
	}
}

// progressOf returns the mapping that a key names; nil if there is none.
func progressOf(key []byte, mappings map[string]*progress) (uuid string, p *progress) {
	k := kv.ReadKey(key)
	k.Uint64()
	uuid = k.String()
	return uuid, mappings[uuid]
}

// shardsOf returns the shards of a stream by number; none if its table was deleted.
func shardsOf(streams *stream.Streams, arn string) map[uint64]stream.Shard {
	shards := map[uint64]stream.Shard{}
	if st, err := streams.Get(arn); err == nil {
		for _, sh := range st.Shards() {
			shards[uint64(sh.Number)] = sh
		}
	}
	return shards
}

// checkShard compares a checkpoint with its shard, unless that was trimmed away.
func (p *progress) checkShard(uuid string, key []byte, c *checkpoint, report *fsck.Report) {
	sh, known := p.shards[binary.BigEndian.Uint64(key[len(key)-8:])]
	switch {
	case !known:
	case c.Position > 0 && c.Position < sh.First || !sh.Open() && c.Position > sh.Last:
		report.Fault("event source mapping "+uuid, key, "the checkpoint is at %d, and the shard %s has the numbers %d to %d", c.Position, sh.ID, sh.First, sh.Last)
	case c.Done && sh.Open():
		report.Fault("event source mapping "+uuid, key, "the checkpoint is at the end of the shard %s, which still takes records", sh.ID)
	}
}
