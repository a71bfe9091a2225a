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
	// archiveManager is who EventBridge says manages it.
	archiveManager = "prod.vhs.events.aws.internal"
)

// An Archive keeps the events of its bus that its pattern wants, for replays.
// Replayed events are never archived again.
type Archive struct {
	Name        string `json:"name"`
	Bus         string `json:"bus"`
	Description string `json:"description,omitzero"`
	// Pattern says which events; empty for all.
	Pattern string `json:"pattern,omitzero"`
	// RetentionDays is how many days of running time an event is kept; 0 is
	// for ever.
	RetentionDays int `json:"retentionDays,omitzero"`
	// Created is set by CreateArchive.
	Created time.Time `json:"created"`
}

// retention returns how long events are kept; 0 for ever.
func (a *Archive) retention() time.Duration { return time.Duration(a.RetentionDays) * 24 * time.Hour }

// rule returns the managed rule that tells which events are kept.
func (a *Archive) rule() Rule {
	return Rule{Bus: a.Bus, Name: archiveRule + a.Name, Pattern: a.guarded(), ManagedBy: archiveManager, Archive: a.Name}
}

// guarded returns the pattern with the condition that no replay sent the event.
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
	// Events and Bytes count the events held; an event counts the bytes of its
	// envelope. They are exact.
	Events, Bytes uint64
}

// An archiveState is an archive in force. It never changes, except for what
// life points to.
type archiveState struct {
	Archive
	life *archiveLife // the same for all states of one archive
}

// An archiveLife is guarded by being inside a commit.
type archiveLife struct {
	over bool     // deleted
	open *segment // takes the next event; nil if the next one starts another
}

func archiveKey(name string) kv.Key { return kv.NewKey('a').Raw([]byte{'a'}).String(name) }

// CreateArchive makes an archive of a bus. Errors: ErrBusNotFound,
// ErrArchiveExists, ErrLimit, *pattern.Error.
func (b *Buses) CreateArchive(a Archive) error {
	b.control.Lock()
	defer b.control.Unlock()
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
	b.archives[a.Name] = &archiveState{a, &archiveLife{}}
	err = b.replace(st, a.rule(), func(batch *kv.Batch) { batch.Set(archiveKey(a.Name), encode(a)) })
	if err != nil {
		delete(b.archives, a.Name)
	}
	return err
}

// checkPattern returns what is wrong with a pattern that is not empty.
func checkPattern(src string) error {
	if src == "" {
		return nil
	}
	_, err := pattern.Compile([]byte(src))
	return err
}

// An ArchiveChange is what UpdateArchive sets; what is nil stays.
type ArchiveUpdate struct {
	Description, Pattern *string
	RetentionDays        *int
}

// UpdateArchive changes an archive; what it holds already stays, unless its
// retention has passed. Errors: ErrArchiveNotFound, *pattern.Error.
func (b *Buses) UpdateArchive(name string, c ArchiveUpdate) (ArchiveInfo, error) {
	b.control.Lock()
	defer b.control.Unlock()
	old, err := b.archive(name)
	if err != nil {
		return ArchiveInfo{}, err
	}
	next := *old
	if c.Description != nil {
		next.Description = *c.Description
	}
	if c.RetentionDays != nil {
		next.RetentionDays = *c.RetentionDays
	}
	if c.Pattern != nil {
		if err := checkPattern(*c.Pattern); err != nil {
			return ArchiveInfo{}, err
		}
		next.Pattern = *c.Pattern
	}
	change := func(batch *kv.Batch) { batch.Set(archiveKey(name), encode(next.Archive)) }
	if next.Pattern == old.Pattern {
		err = b.save(change)
	} else {
		var st *busState
		if st, err = b.bus(next.Bus); err == nil {
			err = b.replace(st, next.rule(), change)
		}
	}
	if err != nil {
		return ArchiveInfo{}, err
	}
	b.archives[name] = &next
	return b.describe(&next)
}

// DeleteArchive removes an archive and what it holds. Replays of it that run
// fail. Errors: ErrArchiveNotFound.
func (b *Buses) DeleteArchive(name string) error {
	b.control.Lock()
	defer b.control.Unlock()
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
		batch.Number(1, func(uint64) { a.life.over = true })
	})
	if err != nil {
		return err
	}
	delete(b.archives, name)
	b.enforce(b.catalog.Load().with(st.without(archiveRule + name)))
	return nil
}

// archive returns an archive in force. The caller holds control. Errors:
// ErrArchiveNotFound.
func (b *Buses) archive(name string) (*archiveState, error) {
	if a, ok := b.archives[name]; ok {
		return a, nil
	}
	return nil, &NameError{Name: name, Err: ErrArchiveNotFound}
}

// Archive returns an archive. Errors: ErrArchiveNotFound.
func (b *Buses) Archive(name string) (ArchiveInfo, error) {
	b.control.Lock()
	defer b.control.Unlock()
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

// archiveStates returns the archives in force, in the order of their names.
func (b *Buses) archiveStates() []*archiveState {
	b.control.Lock()
	defer b.control.Unlock()
	var out []*archiveState
	for _, a := range b.archives {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y *archiveState) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// describe adds up what an archive holds.
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
		a := &archiveState{life: &archiveLife{}}
		if err := json.Unmarshal(bytes.Clone(value), &a.Archive); err != nil {
			return fmt.Errorf("bus: %w: stored archive: %w", kv.ErrCorrupt, err)
		}
		b.archives[a.Name] = a
		return nil
	})
}
