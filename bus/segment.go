package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/kv"
)

// segmentEvents is how many events one segment holds at most.
const segmentEvents = 4096

// A segment describes consecutive events of an archive, so that they are counted,
// aged and skipped together. Its value is written again with each event that it
// takes, in the same batch; once it takes no more, only closedAt changes.
type segment struct {
	first, last  uint64 // seq of its events; first is in the key
	count, bytes uint64
	from, to     int64 // lowest and highest event time, seconds since 1970
	// closedAt is the uptime, in milliseconds, when a round of retention found
	// that the segment takes no more events; 0 before. Its age counts from then.
	closedAt int64
	// seenOpenAt is the uptime when a round first saw the segment open; not
	// stored.
	seenOpenAt int64
}

func entryPrefix(archive string) kv.Key   { return kv.NewKey('a').Raw([]byte{'e'}).String(archive) }
func segmentPrefix(archive string) kv.Key { return kv.NewKey('a').Raw([]byte{'s'}).String(archive) }

func (s *segment) key(archive string) kv.Key { return segmentPrefix(archive).Uint64(s.first) }

const segmentForm = 1

// encode returns the stored form: the version of the form, then last, count,
// bytes, from, to and closedAt as integers.
func (s *segment) encode() []byte {
	out := []byte{segmentForm}
	for _, n := range [...]uint64{s.last, s.count, s.bytes} {
		out = binary.AppendUvarint(out, n)
	}
	for _, n := range [...]int64{s.from, s.to, s.closedAt} {
		out = binary.AppendVarint(out, n)
	}
	return out
}

// decodeSegment reads what encode wrote.
func decodeSegment(archive string, key, value []byte) (*segment, error) {
	s := &segment{first: keySeq(key)}
	r := wire.NewReader(value)
	ok := r.Byte() == segmentForm
	s.last, s.count, s.bytes = r.Uvarint(), r.Uvarint(), r.Uvarint()
	s.from, s.to, s.closedAt = r.Varint(), r.Varint(), r.Varint()
	if !ok || !r.Done() || s.last < s.first {
		return nil, fmt.Errorf("bus: %w: segment %d of archive %s", kv.ErrCorrupt, s.first, archive)
	}
	return s, nil
}

// append adds an accepted event to the archive. It is called inside a commit,
// whose lock guards the writer: entries and segments grow in commit order, and an
// entry and the segment that counts it are one batch. A crash loses both or
// neither.
func (a *archiveState) append(batch *kv.Batch, e *routed) {
	w := a.writer
	if w.deleted {
		return
	}
	at, s := e.Event.Time.Unix(), w.open
	if s == nil || s.count == segmentEvents {
		s = &segment{first: e.Seq, from: at, to: at}
		w.open = s
		if w.since == 0 {
			w.since = e.Seq
		}
	}
	s.last, s.from, s.to = e.Seq, min(s.from, at), max(s.to, at)
	s.count++
	s.bytes += uint64(e.envelopeBytes)
	batch.Set(s.key(a.Name), s.encode())
	batch.Set(entryPrefix(a.Name).Uint64(e.Seq), e.encoded)
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

// A window selects the events of an archive with after < seq <= upTo whose times
// are in [from, to).
type window struct {
	archive     string
	after, upTo uint64
	from, to    time.Time
}

// archived calls fn for the events of the next two segments of a window, in the
// order in which they were accepted, until fn returns false; e is nil for an
// event whose time is not in the window. It fails with an error that names the
// place if an entry cannot be read, if a segment lacks entries, or if there are
// entries in no segment: damage is never skipped.
func (b *Buses) archived(w window, fn func(seq uint64, e *event.Event) bool) error {
	// One snapshot: segments and entries are of one moment, whatever is
	// appended and trimmed meanwhile.
	store := b.store.Snapshot()
	defer store.Close()
	var wanted []*segment
	var stray error
	covered := w.after // all entries up to here are in a segment
	err := segments(store, w.archive, func(s *segment) bool {
		if s.last <= w.after {
			return true
		}
		stray = w.stray(store, covered, s.first)
		covered = s.last
		if s.first <= w.upTo && s.to >= w.from.Unix() && s.from <= w.to.Unix() {
			wanted = append(wanted, s)
		}
		return stray == nil && len(wanted) < 2 && s.first <= w.upTo
	})
	if err == nil && stray == nil && covered < w.upTo && len(wanted) < 2 {
		stray = w.stray(store, covered, w.upTo+1)
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

// stray returns an error if there is an entry with after < seq < before, a range
// that no segment covers.
func (w *window) stray(store kv.Reader, after, before uint64) error {
	it := store.Scan(kv.Range{Lower: entryPrefix(w.archive).Uint64(after + 1), Upper: entryPrefix(w.archive).Uint64(before)})
	var err error
	if it.Next() {
		err = fmt.Errorf("bus: %w: event %d of archive %s is in no segment", kv.ErrCorrupt, keySeq(it.Key()), w.archive)
	}
	return errors.Join(err, it.Close())
}

// checkComplete returns an error unless there are as many entries of a segment
// as it counts.
func (w *window) checkComplete(store kv.Reader, s *segment) error {
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

// within returns the range of the entries from first to last, both included.
func (w *window) within(first, last uint64) kv.Range {
	return kv.Range{Lower: entryPrefix(w.archive).Uint64(first), Upper: entryPrefix(w.archive).Uint64(last + 1)}
}

func keySeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// entries is archived for one segment; more is false if fn has returned false. The
// whole segment is checked before fn gets its first entry.
func (w *window) entries(store kv.Reader, s *segment, fn func(seq uint64, e *event.Event) bool) (more bool, err error) {
	first, last := max(s.first, w.after+1), min(s.last, w.upTo)
	if first == s.first {
		if err := w.checkComplete(store, s); err != nil {
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

// trimArchives adds to a batch the deletion of segments that are past the
// retention of their archive, and closes segments: those that are full, those
// that an earlier process left open, and one that has been open for segmentAge,
// so that no event outlives its retention by much more than that.
func (b *Buses) trimArchives(batch *kv.Batch, l *retentionState) error {
	for _, a := range b.archiveStates() {
		keep := a.retention().Milliseconds()
		if keep == 0 {
			continue
		}
		var expired uint64
		var unclosed []*segment
		err := segments(b.store, a.Name, func(s *segment) bool {
			switch {
			case s.closedAt == 0:
				unclosed = append(unclosed, s)
			case s.closedAt <= l.Uptime-keep:
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
		if len(unclosed) > 0 {
			batch.Number(0, func(uint64) { a.closeSegments(batch, unclosed, l.Uptime) })
		}
	}
	return nil
}

// segmentAge is how long, in milliseconds, a segment of an archive with a
// retention takes events.
const segmentAge = int64(time.Hour / time.Millisecond)

// closeSegments closes those of the segments that take no more events. It is
// called inside a commit, but the segments were read before it: of the open one
// only the writer's copy is up to date, and one that was read half full and has
// been filled since must not be written back. The next round reads it full.
func (a *archiveState) closeSegments(batch *kv.Batch, segments []*segment, uptime int64) {
	w := a.writer
	if w.deleted {
		return
	}
	for _, s := range segments {
		switch open := w.open; {
		case open != nil && open.first == s.first:
			if open.seenOpenAt == 0 {
				open.seenOpenAt = uptime
			}
			if open.count < segmentEvents && uptime-open.seenOpenAt < segmentAge {
				continue
			}
			s, w.open = open, nil
		case s.count < segmentEvents && w.since > 0 && s.first >= w.since:
			continue
		}
		s.closedAt = uptime
		batch.Set(s.key(a.Name), s.encode())
	}
}
