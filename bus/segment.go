package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// segmentEvents is how many events one segment takes.
const segmentEvents = 4096

// A segment says what a run of events that follow each other in an archive is,
// so that they are counted, aged and passed over as one.
type segment struct {
	first, last  uint64 // seq of its events; first is in the key
	count, bytes uint64
	from, to     int64 // lowest and highest event time, seconds since 1970
	// stamp is what the ledger's clock showed, in milliseconds, when the
	// segment took no more events; 0 before that was noted.
	stamp int64
	// opened is what that clock showed when a round first saw the segment
	// open; not stored.
	opened int64
}

func entryPrefix(archive string) kv.Key   { return kv.NewKey('a').Raw([]byte{'e'}).String(archive) }
func segmentPrefix(archive string) kv.Key { return kv.NewKey('a').Raw([]byte{'s'}).String(archive) }

func (s *segment) key(archive string) kv.Key { return segmentPrefix(archive).Uint64(s.first) }

const segmentForm = 1

// encode returns the stored form: the form number, then last, count, bytes,
// from, to and stamp as integers.
func (s *segment) encode() []byte {
	out := []byte{segmentForm}
	for _, n := range [...]uint64{s.last, s.count, s.bytes} {
		out = binary.AppendUvarint(out, n)
	}
	for _, n := range [...]int64{s.from, s.to, s.stamp} {
		out = binary.AppendVarint(out, n)
	}
	return out
}

// decodeSegment reads what encode wrote.
func decodeSegment(archive string, key, value []byte) (*segment, error) {
	s := &segment{first: binary.BigEndian.Uint64(key[len(key)-8:])}
	ok := len(value) > 0 && value[0] == segmentForm
	rest := value[min(1, len(value)):]
	for _, p := range [...]*uint64{&s.last, &s.count, &s.bytes} {
		v, n := binary.Uvarint(rest)
		*p, rest, ok = v, rest[max(n, 0):], ok && n > 0
	}
	for _, p := range [...]*int64{&s.from, &s.to, &s.stamp} {
		v, n := binary.Varint(rest)
		*p, rest, ok = v, rest[max(n, 0):], ok && n > 0
	}
	if !ok || len(rest) > 0 || s.last < s.first {
		return nil, fmt.Errorf("bus: %w: segment %d of archive %s", kv.ErrCorrupt, s.first, archive)
	}
	return s, nil
}

// keep puts an accepted event into the archive. It is called inside a commit.
func (a *archiveState) keep(batch *kv.Batch, add *addition) {
	if a.life.over {
		return // deleted since the event was matched
	}
	at, s := add.Event.Time.Unix(), a.life.open
	if s == nil || s.count == segmentEvents {
		s = &segment{first: add.Seq, from: at, to: at}
		a.life.open = s
	}
	s.last, s.from, s.to = add.Seq, min(s.from, at), max(s.to, at)
	s.count++
	s.bytes += uint64(add.size)
	batch.Set(s.key(a.Name), s.encode())
	batch.Set(entryPrefix(a.Name).Uint64(add.Seq), add.stored)
}

// segments calls fn for the segments of an archive, in order, until fn returns
// false.
func segments(r kv.Reader, archive string, fn func(*segment) bool) error {
	it := r.Scan(kv.Prefix(segmentPrefix(archive)))
	for it.Next() {
		s, err := decodeSegment(archive, it.Key(), it.Value())
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if !fn(s) {
			break
		}
	}
	return it.Close()
}

// A window selects the events of an archive after a position, up to another,
// whose times are in [from, to).
type window struct {
	archive     string
	after, upTo uint64
	from, to    time.Time
}

// archived calls fn for the events of a window, in the order in which they were
// accepted, until fn returns false; e is nil for an event whose time is not in
// the window. An entry that cannot be read, and one that should be there and is
// not, or the other way round, ends it with an error that names it.
func (b *Buses) archived(w window, fn func(seq uint64, e *event.Event) bool) error {
	store := b.store.Snapshot()
	defer store.Close()
	var wanted []*segment
	var stray error
	behind := w.after // there are no entries from here to the next segment
	err := segments(store, w.archive, func(s *segment) bool {
		if s.last <= w.after {
			return true
		}
		stray = w.stray(store, behind, s.first)
		behind = s.last
		if s.first <= w.upTo && s.to >= w.from.Unix() && s.from <= w.to.Unix() {
			wanted = append(wanted, s)
		}
		return stray == nil && len(wanted) < 2 && s.first <= w.upTo
	})
	if err == nil && stray == nil && behind < w.upTo && len(wanted) < 2 {
		stray = w.stray(store, behind, w.upTo+1)
	}
	if err := errors.Join(err, stray); err != nil {
		return err
	}
	for more := true; len(wanted) > 0 && more; wanted = wanted[1:] {
		if more, err = w.entries(store, wanted[0], fn); err != nil {
			return err
		}
	}
	return nil
}

// stray returns an error if an entry lies between two numbers, outside of all
// segments.
func (w *window) stray(store kv.Reader, after, before uint64) error {
	it := store.Scan(kv.Range{Lower: entryPrefix(w.archive).Uint64(after + 1), Upper: entryPrefix(w.archive).Uint64(before)})
	var err error
	if it.Next() {
		err = fmt.Errorf("bus: %w: event %d of archive %s is in no segment", kv.ErrCorrupt, keySeq(it.Key()), w.archive)
	}
	return errors.Join(err, it.Close())
}

// whole returns an error unless a segment has all its entries.
func (w *window) whole(store kv.Reader, s *segment) error {
	it, found := store.Scan(w.within(s.first, s.last)), uint64(0)
	for it.Next() {
		found++
	}
	err := it.Close()
	if err == nil && found != s.count {
		err = fmt.Errorf("bus: %w: segment %d of archive %s holds %d events of %d", kv.ErrCorrupt, s.first, w.archive, found, s.count)
	}
	return err
}

// within is the range of the entries from one number to another.
func (w *window) within(first, last uint64) kv.Range {
	return kv.Range{Lower: entryPrefix(w.archive).Uint64(first), Upper: entryPrefix(w.archive).Uint64(last + 1)}
}

func keySeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// entries is archived for one segment; more is false if fn wants no more. A
// segment is looked through before its first entry is handed on.
func (w *window) entries(store kv.Reader, s *segment, fn func(seq uint64, e *event.Event) bool) (more bool, err error) {
	first, last := max(s.first, w.after+1), min(s.last, w.upTo)
	if first == s.first {
		if err := w.whole(store, s); err != nil {
			return false, err
		}
	}
	it := store.Scan(w.within(first, last))
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.Next() {
		seq := keySeq(it.Key())
		e, err := event.DecodeBinary(it.Value())
		if err != nil {
			return false, fmt.Errorf("bus: %w: event %d of archive %s: %w", kv.ErrCorrupt, seq, w.archive, err)
		}
		if e.Time.Before(w.from) || !e.Time.Before(w.to) {
			e = nil
		}
		if !fn(seq, e) {
			return false, nil
		}
	}
	return true, nil
}

// trimArchives adds to a batch what the retention of the archives removes, and
// notes the age of segments that were filled since the last round. It closes
// the open segment of an archive now and then, so that no event outlives its
// retention by more than a part of it.
func (b *Buses) trimArchives(batch *kv.Batch, l *ledger) error {
	for _, a := range b.archiveStates() {
		keep := a.retention().Milliseconds()
		if keep == 0 {
			continue
		}
		var expired uint64
		var unstamped []*segment
		err := segments(b.store, a.Name, func(s *segment) bool {
			switch {
			case s.stamp == 0:
				unstamped = append(unstamped, s)
			case s.stamp <= l.Ran-keep:
				expired = s.last
			}
			return true
		})
		if err != nil {
			return err
		}
		if expired > 0 {
			batch.DeleteRange(segmentPrefix(a.Name).Uint64(0), segmentPrefix(a.Name).Uint64(expired+1))
			batch.DeleteRange(entryPrefix(a.Name).Uint64(0), entryPrefix(a.Name).Uint64(expired+1))
		}
		if len(unstamped) > 0 {
			batch.Number(0, func(uint64) { a.stamp(batch, unstamped, l.Ran) })
		}
	}
	return nil
}

// segmentAge is the longest time that a segment of an archive with a retention
// takes events, in milliseconds.
const segmentAge = int64(time.Hour / time.Millisecond)

// stamp notes the age of segments. It is called inside a commit.
func (a *archiveState) stamp(batch *kv.Batch, segments []*segment, ran int64) {
	if a.life.over {
		return
	}
	for _, s := range segments {
		if open := a.life.open; open != nil && open.first == s.first {
			if open.opened == 0 {
				open.opened = ran
			}
			if open.count < segmentEvents && ran-open.opened < segmentAge {
				continue
			}
			s, a.life.open = open, nil
		}
		s.stamp = ran
		batch.Set(s.key(a.Name), s.encode())
	}
}
