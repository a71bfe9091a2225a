package bus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

const (
	// archiveRule begins the name of the managed rule of an archive.
	archiveRule = "Events-Archive-"
	// archiveManager is ManagedBy of that rule, as in EventBridge.
	archiveManager = "prod.vhs.events.aws.internal"
)

// An Archive keeps the events of a bus that match a pattern, for replays.
// Replayed events are never archived again.
type Archive struct {
	Name        string `json:"name"`
	Bus         string `json:"bus"`
	Description string `json:"description,omitzero"`
	// Pattern selects the events; empty means all.
	Pattern string `json:"pattern,omitzero"`
	// RetentionDays is how many days an event is kept, in uptime of nodes; 0
	// means for ever.
	RetentionDays int `json:"retentionDays,omitzero"`
	// Created is set by CreateArchive.
	Created time.Time `json:"created"`
}

// retention returns how long events are kept; 0 means for ever.
func (a *Archive) retention() time.Duration { return time.Duration(a.RetentionDays) * 24 * time.Hour }

// rule returns the managed rule whose matches the archive keeps.
func (a *Archive) rule() Rule {
	return Rule{Bus: a.Bus, Name: archiveRule + a.Name, Pattern: a.guarded(), ManagedBy: archiveManager, Archive: a.Name}
}

// guarded returns the pattern with one more condition: no replay sent the event.
func (a *Archive) guarded() string {
	const guard = `"replay-name":[{"exists":false}]}`
	own := strings.TrimSpace(a.Pattern)
	if own == "" {
		return "{" + guard
	}
	return strings.TrimSpace(own[:strings.LastIndexByte(own, '}')]) + "," + guard
}

// An ArchiveInfo is an archive and what it holds.
type ArchiveInfo struct {
	Archive
	// Events is how many events the archive holds, Bytes the sum of the sizes of
	// their envelopes. Both are exact.
	Events, Bytes uint64
}

// An archiveState is an archive and its writer. It is immutable but for the
// writer, which all states of one archive share.
type archiveState struct {
	Archive
	writer *archiveWriter
}

// An archiveWriter is what the commits that append to an archive share. All of
// it is guarded by the commit lock of the store. It is not stored: after a
// restart the next event opens a new segment, and the one that was open stays as
// short as it is.
type archiveWriter struct {
	deleted bool     // the archive is deleted; events that were routed before are left out
	open    *segment // takes the next event; nil if the next one opens another
	since   uint64   // the first seq that this process wrote; 0 if it wrote none
}

func archiveKey(name string) kv.Key { return kv.NewKey('a').Raw([]byte{'a'}).String(name) }

// CreateArchive creates an archive of a bus, and its managed rule. Errors: ErrBusNotFound,
// ErrArchiveExists, ErrLimit, *pattern.Error.
func (b *Buses) CreateArchive(a Archive) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	st, err := b.bus(a.Bus)
	if err != nil {
		return err
	}
	_, taken := st.search(archiveRule + a.Name)
	switch _, exists := b.archives[a.Name]; {
	case exists || taken:
		return &NameError{Bus: a.Bus, Name: a.Name, Err: ErrArchiveExists}
	case len(b.archives) >= maxArchives:
		return ErrLimit
	}
	if err := checkPattern(a.Pattern); err != nil {
		return err
	}
	a.Created = b.opts.Now().UTC()
	// Before the rule, whose state finds the archive by its name.
	b.archives[a.Name] = &archiveState{a, &archiveWriter{}}
	err = b.replace(st, a.rule(), func(batch *kv.Batch) { batch.Set(archiveKey(a.Name), encode(a)) })
	if err != nil {
		delete(b.archives, a.Name)
	}
	return err
}

// checkPattern returns what is wrong with a pattern; empty ones are valid.
func checkPattern(src string) error {
	if src == "" {
		return nil
	}
	_, err := pattern.Compile([]byte(src))
	return err
}

// An ArchiveUpdate is what UpdateArchive sets; a nil field stays as it is.
type ArchiveUpdate struct {
	Description, Pattern *string
	RetentionDays        *int
}

// UpdateArchive changes an archive. The events that it holds stay, unless they
// are past a retention that was shortened. Errors: ErrArchiveNotFound, *pattern.Error.
func (b *Buses) UpdateArchive(name string, u ArchiveUpdate) (ArchiveInfo, error) {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	old, err := b.archive(name)
	if err != nil {
		return ArchiveInfo{}, err
	}
	next := *old
	if u.Description != nil {
		next.Description = *u.Description
	}
	if u.RetentionDays != nil {
		next.RetentionDays = *u.RetentionDays
	}
	if u.Pattern != nil {
		if err := checkPattern(*u.Pattern); err != nil {
			return ArchiveInfo{}, err
		}
		next.Pattern = *u.Pattern
	}
	store := func(batch *kv.Batch) { batch.Set(archiveKey(name), encode(next.Archive)) }
	if next.Pattern == old.Pattern {
		err = b.save(store)
	} else {
		var st *busState
		if st, err = b.bus(next.Bus); err == nil {
			err = b.replace(st, next.rule(), store) // one batch with the rule
		}
	}
	if err != nil {
		return ArchiveInfo{}, err
	}
	b.archives[name] = &next
	return b.describe(&next)
}

// DeleteArchive removes an archive, its rule and its events. Replays of it that
// are running fail. Errors: ErrArchiveNotFound.
func (b *Buses) DeleteArchive(name string) error {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	a, err := b.archive(name)
	if err != nil {
		return err
	}
	st, err := b.bus(a.Bus)
	if err != nil {
		return err
	}
	err = b.save(func(batch *kv.Batch) {
		batch.Delete(archiveKey(name))
		batch.Delete(ruleKey(a.Bus, archiveRule+name))
		for _, r := range []kv.Range{kv.Prefix(segmentPrefix(name)), kv.Prefix(entryPrefix(name))} {
			batch.DeleteRange(r.Lower, r.Upper)
		}
		// Inside the commit, so that an event that was routed before commits
		// before the ranges are deleted, or is not appended any more.
		batch.Number(1, func(uint64) { a.writer.deleted = true })
	})
	if err != nil {
		return err
	}
	delete(b.archives, name)
	b.swapCatalog(b.catalog.Load().with(st.without(archiveRule + name)))
	return nil
}

// archive returns an archive. The caller holds controlMu. Errors:
// ErrArchiveNotFound.
func (b *Buses) archive(name string) (*archiveState, error) {
	if a, ok := b.archives[name]; ok {
		return a, nil
	}
	return nil, &NameError{Name: name, Err: ErrArchiveNotFound}
}

// Archive returns an archive. Errors: ErrArchiveNotFound.
func (b *Buses) Archive(name string) (ArchiveInfo, error) {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	a, err := b.archive(name)
	if err != nil {
		return ArchiveInfo{}, err
	}
	return b.describe(a)
}

// Archives returns the archives in the order of their names.
func (b *Buses) Archives() ([]ArchiveInfo, error) {
	var out []ArchiveInfo
	for _, a := range b.archiveStates() {
		info, err := b.describe(a)
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// archiveStates returns the archives in the order of their names.
func (b *Buses) archiveStates() []*archiveState {
	b.controlMu.Lock()
	defer b.controlMu.Unlock()
	var out []*archiveState
	for _, a := range b.archives {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y *archiveState) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// describe adds up the segments of an archive.
func (b *Buses) describe(a *archiveState) (ArchiveInfo, error) {
	info := ArchiveInfo{Archive: a.Archive}
	err := segments(b.store, a.Name, func(s *segment) bool {
		info.Events += s.count
		info.Bytes += s.bytes
		return true
	})
	return info, err
}

// loadArchives reads the stored archives.
func (b *Buses) loadArchives() error {
	return each(b.store, kv.NewKey('a').Raw([]byte{'a'}), func(value []byte) error {
		a := &archiveState{writer: &archiveWriter{}}
		if err := json.Unmarshal(bytes.Clone(value), &a.Archive); err != nil {
			return fmt.Errorf("bus: %w: stored archive: %w", kv.ErrCorrupt, err)
		}
		b.archives[a.Name] = a
		return nil
	})
}
