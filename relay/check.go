package relay

import (
	"encoding/binary"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// A checker checks the relays of a store.
type checker struct {
	r       kv.Reader
	report  *fsck.Report
	last    uint64            // the store's last commit
	parked  map[string]uint64 // by table
	held    map[string]uint64 // by the key that counts an item's parked records
	cursors map[string]bool   // tables that have one
}

// Check reports what is wrong with the relays of a store which nobody writes: cursors
// beyond the last commit, parked records that cannot be read, whose version of the
// mapping is gone, or that are not counted, and damaged items of outboxes and
// backfills. last is the store's last commit.
func Check(r kv.Reader, last uint64, report *fsck.Report) {
	c := &checker{r, report, last, map[string]uint64{}, map[string]uint64{}, map[string]bool{}}
	kv.Walk(r, kv.Prefix(kv.NewKey('p')), report, "parked records", "parked records", c.record)
	kv.Walk(r, kv.Prefix(kv.NewKey('q')), report, "parked records", "parked items", c.item)
	for key, n := range c.held {
		report.Fault("parked records", []byte(key), "%d records of the item are parked, and nothing counts them", n)
	}
	kv.Walk(r, kv.Prefix(kv.NewKey('c')), report, "relays", "cursors", c.cursor)
	for table, n := range c.parked {
		if !c.cursors[table] {
			report.Fault("relay of table "+table, cursorKey(table), "%d records are parked, and there is no cursor", n)
		}
	}
	kv.Walk(r, kv.Prefix(kv.NewKey('o')), report, "outboxes", "items of outboxes", func(key, value []byte) {
		var one item.Item
		if err := json.Unmarshal(value, &one); err != nil {
			report.Fault("outboxes", key, "the item cannot be read: %v", err)
		}
	})
	kv.Walk(r, kv.Prefix(kv.NewKey('l')), report, "backfills", "backfills", func(key, value []byte) {
		var f Backfill
		if err := json.Unmarshal(value, &f); err != nil || string(key) != string(backfillKey(f.Table, f.Definition)) {
			report.Fault("backfills", key, "the backfill cannot be read: %v", err)
		}
	})
}

// record checks a parked record, and counts it for its item and its table.
func (c *checker) record(key, value []byte) {
	k := kv.ReadKey(key)
	table, seq, n := k.String(), k.Uint64(), k.Uint64()
	p, err := parking.Decode(value)
	if err == nil {
		_, err = p.Change()
	}
	part := "relay of table " + table
	if k.Err() != nil || err != nil {
		c.report.Fault(part, key, "the parked record cannot be read: %v", err)
		return
	}
	if p.Seq != stream.FormatSeq(seq) || p.N != n || p.Table != table || seq > c.last {
		c.report.Fault(part, key, "the parked record is of change %s of table %s, and the last commit is %d", p.Seq, p.Table, c.last)
	}
	if p.Version != "" && !kv.Holds(c.r, versionKey(p.Version)) {
		c.report.Fault(part, key, "the record was parked by version %s of the mapping, which is not stored any more", p.Version)
	}
	c.parked[table]++
	c.held[string(kv.NewKey('q').String(table).String(p.Group))]++
}

// item compares the count of an item's parked records with the records.
func (c *checker) item(key, value []byte) {
	want := c.held[string(key)]
	delete(c.held, string(key))
	if len(value) != 8 || binary.BigEndian.Uint64(value) != want {
		c.report.Fault("parked records", key, "the item is said to have %x parked records, and has %d", value, want)
	}
}

// cursor checks a cursor, and its counts against the parked records.
func (c *checker) cursor(key, value []byte) {
	k := kv.ReadKey(key)
	table := k.String()
	part := "relay of table " + table
	c.cursors[table] = true
	var at cursor
	if err := json.Unmarshal(value, &at); err != nil || k.Err() != nil {
		c.report.Fault(part, key, "the cursor cannot be read: %v", err)
		return
	}
	if at.Position > c.last {
		c.report.Fault(part, key, "the cursor is at %d, and the last commit is %d", at.Position, c.last)
	}
	for name, start := range at.Starts {
		if start > c.last {
			c.report.Fault(part, key, "event %s starts at %d, and the last commit is %d", name, start, c.last)
		}
	}
	if at.held() != c.parked[table] {
		c.report.Fault(part, key, "%d records were parked, %d redriven and %d dropped, so %d are parked now, and there are %d", at.Parked, at.Redriven, at.Dropped, at.held(), c.parked[table])
	}
}
