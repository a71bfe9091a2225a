package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// Check reports what is wrong with the streams of a store which nobody writes: with
// the catalogue, with shards, and with records, which must be readable, in the
// bounds and the hashes of their shards, above what was trimmed and not above last,
// the store's last commit. The result is the catalogue as far as it can be read, for
// the checks of those who read streams; of its methods they may call Get, OfTable and
// Stored.
func Check(r kv.Reader, last uint64, report *fsck.Report) *Streams {
	s := &Streams{opts: Options{}.withDefaults(), byID: map[uint64]*Stream{}, next: 1, added: make(chan struct{})}
	it := r.Scan(kv.Prefix(kv.NewKey('s')))
	for it.Next() {
		s.checkEntry(it.Key(), it.Value(), report)
	}
	if err := it.Close(); err != nil {
		report.Fault("streams", nil, "the catalogue cannot be read to its end: %v", err)
	}
	for id, st := range s.byID {
		if id >= s.next {
			report.Fault(st.part(), catalogueKey(0), "the next id is %d, and the stream has %d", s.next, id)
		}
		st.checkShards(last, report)
		st.checkRecords(r, last, report)
	}
	s.checkStrays(r, report)
	return s
}

func (st *Stream) part() string { return "stream " + st.d.Label + " of table " + st.d.Table }

// checkEntry takes in an entry of the catalogue.
func (s *Streams) checkEntry(key, value []byte, report *fsck.Report) {
	report.Walked("streams", 1)
	k := kv.ReadKey(key)
	id := k.Uint64()
	var d descriptor
	switch {
	case k.Err() == nil && id == 0 && len(value) == 8:
		s.next = binary.BigEndian.Uint64(value)
		return
	case k.Err() != nil || id == 0:
		report.Fault("streams", key, "the entry of the catalogue is malformed")
		return
	}
	if err := json.Unmarshal(value, &d); err != nil || d.ID != id {
		report.Fault("streams", key, "the descriptor of stream %d cannot be read: %v", id, err)
		return
	}
	st := s.newStream(d)
	for _, sh := range st.d.Shards {
		st.addTail(sh)
	}
	s.byID[id] = st
}

// checkShards checks that children follow their parents, and that the open shards
// divide all hashes.
func (st *Stream) checkShards(last uint64, report *fsck.Report) {
	byID := map[string]Shard{}
	wrong := func(format string, args ...any) { report.Fault(st.part(), catalogueKey(st.d.ID), format, args...) }
	for i, sh := range st.d.Shards {
		parent, known := byID[sh.Parent]
		switch {
		case i > 0 && st.d.Shards[i-1].Number >= sh.Number:
			wrong("shard %s is not in the order of the numbers", sh.ID)
		case !sh.Open() && sh.Last < sh.First || sh.First > last+1 || sh.Last > last:
			wrong("shard %s has the numbers %d to %d, and the last commit is %d", sh.ID, sh.First, sh.Last, last)
		case known && (parent.Open() || parent.Last >= sh.First):
			wrong("shard %s begins at %d, and its parent %s ends at %d", sh.ID, sh.First, parent.ID, parent.Last)
		}
		byID[sh.ID] = sh
	}
	if st.d.Disabled != nil {
		return
	}
	if len(st.open) == 0 || st.open[0].startHash != 0 {
		wrong("no open shard takes the lowest hashes")
	}
	for i := 1; i < len(st.open); i++ {
		if st.open[i-1].startHash == st.open[i].startHash {
			wrong("two open shards take the hashes from %d on", st.open[i].startHash)
		}
	}
}

// checkRecords checks the records of all shards.
func (st *Stream) checkRecords(r kv.Reader, last uint64, report *fsck.Report) {
	for i, sh := range st.d.Shards {
		err := st.stored(r, sh, func(key []byte, rec *Record, err error) error {
			report.Walked("change records", 1)
			seq := seqOf(key)
			switch {
			case err != nil:
				report.Fault(st.part(), key, "%v", err)
			case seq < sh.First || !sh.Open() && seq > sh.Last:
				report.Fault(st.part(), key, "record %d is not among the numbers of its shard %s", seq, sh.ID)
			case seq > last:
				report.Fault(st.part(), key, "record %d has a number above the last commit, %d", seq, last)
			case seq <= st.d.Trimmed:
				report.Fault(st.part(), key, "record %d is there, and all up to %d were trimmed", seq, st.d.Trimmed)
			case sh.Open() && st.d.Disabled == nil && len(st.open) > 0 && st.open[0].startHash == 0 && route(st.open, st.partition(rec)) != st.tails[i]:
				report.Fault(st.part(), key, "record %d is in shard %s, to which its key does not belong", seq, sh.ID)
			}
			return nil
		})
		if err != nil {
			report.Fault(st.part(), recordKey(st.d.ID, sh.Number), "shard %s cannot be read to its end: %v", sh.ID, err)
		}
	}
}

// partition returns the key form of a record's partition key.
func (st *Stream) partition(rec *Record) []byte {
	v, _ := rec.Keys.Get(st.d.Schema.Hash.Name)
	return item.AppendKey(nil, v)
}

var errNoKey = errors.New("the record has not the key of its table")

// stored calls fn for the records of a shard, in order; with an error for those
// that cannot be read.
func (st *Stream) stored(r kv.Reader, sh Shard, fn func(key []byte, rec *Record, err error) error) error {
	prefix := recordKey(st.d.ID, sh.Number)
	it := r.Scan(kv.Prefix(prefix))
	for it.Next() {
		key := bytes.Clone(it.Key())
		if len(key) != len(prefix)+8 {
			return errors.Join(fmt.Errorf("the key %x is malformed", key), it.Close())
		}
		rec, err := decodeRecord(st, seqOf(key), it.Value())
		if _, ok := rec.Keys.Get(st.d.Schema.Hash.Name); err == nil && !ok {
			err = errNoKey
		}
		if err := fn(key, &rec, err); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close()
}

// Stored calls fn for all records of the stream that can be read: those of one item
// in the order of their numbers. Errors: of fn, of the store.
func (st *Stream) Stored(r kv.Reader, fn func(*Record) error) error {
	for _, sh := range st.d.Shards {
		err := st.stored(r, sh, func(_ []byte, rec *Record, err error) error {
			if err != nil {
				return nil // Check tells
			}
			return fn(rec)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkStrays reports records of shards that no stream has.
func (s *Streams) checkStrays(r kv.Reader, report *fsck.Report) {
	upper := tuple.PrefixEnd([]byte{'r'})
	for lower := []byte{'r'}; lower != nil; {
		it := r.Scan(kv.Range{Lower: lower, Upper: upper})
		lower = nil
		if it.Next() {
			key := bytes.Clone(it.Key())
			k := kv.ReadKey(key)
			id, number := k.Uint64(), k.Uint64()
			if !s.hasShard(id, number) {
				report.Fault("streams", key, "there is a record of shard %d of stream %d, which does not exist", number, id)
			}
			if lower = nil; k.Err() == nil {
				lower = tuple.PrefixEnd(kv.NewKey('r').Uint64(id).Uint64(number))
			}
		}
		if err := it.Close(); err != nil {
			report.Fault("streams", nil, "the records cannot be read to their end: %v", err)
		}
	}
}

func (s *Streams) hasShard(id, number uint64) bool {
	if st := s.byID[id]; st != nil {
		for _, sh := range st.d.Shards {
			if uint64(sh.Number) == number {
				return true
			}
		}
	}
	return false
}
