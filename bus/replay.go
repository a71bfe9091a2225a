package bus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
)

// Values of Replay.State, which are those of DescribeReplay in EventBridge's API.
// The last three are final.
const (
	ReplayStarting   = "STARTING"
	ReplayRunning    = "RUNNING"
	ReplayCancelling = "CANCELLING"
	ReplayCompleted  = "COMPLETED"
	ReplayCancelled  = "CANCELLED"
	ReplayFailed     = "FAILED"
)

// A Replay sends events of an archive to their bus again, with its name as their
// replay-name. The caller of StartReplay sets the first four fields and Rules,
// From and To; the replay sets the others.
type Replay struct {
	Name        string `json:"name"`
	Description string `json:"description,omitzero"`
	Archive     string `json:"archive"`
	Bus         string `json:"bus"`
	// Rules names the rules that get the events; empty means all.
	Rules []string `json:"rules,omitzero"`
	// From and To bound the times of the events; To is not included.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`

	// State is one of the Replay constants; Reason says why a replay failed.
	State  string `json:"state"`
	Reason string `json:"reason,omitzero"`
	// Started and Ended are the times of the replay itself; Ended is zero
	// before a final state.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Last is the time of the event that was sent last; zero if none was.
	Last time.Time `json:"last,omitzero"`
	// Sent counts the events sent.
	Sent uint64 `json:"sent"`
	// Position is the seq up to which the archive was read, End the last durable
	// seq when the replay was started.
	Position uint64 `json:"position"`
	End      uint64 `json:"end"`
}

// Over reports whether the state is final, for callers that wait for the end.
func (r *Replay) Over() bool {
	return r.State == ReplayCompleted || r.State == ReplayCancelled || r.State == ReplayFailed
}

func replayKey(name string) kv.Key { return kv.NewKey('a').Raw([]byte{'r'}).String(name) }

// StartReplay starts a replay, which Run carries out, also after a restart. The
// bus accepts each event of the window that is in the archive now exactly once
// more. Errors: ErrBusNotFound, ErrArchiveNotFound,
// ErrReplayBus, ErrReplayWindow, ErrReplayExists, ErrLimit.
func (b *Buses) StartReplay(r Replay) (Replay, error) {
	if _, err := b.bus(r.Bus); err != nil {
		return Replay{}, err
	}
	a, err := b.Archive(r.Archive)
	switch {
	case err != nil:
		return Replay{}, err
	case a.Bus != r.Bus:
		return Replay{}, &NameError{Bus: r.Bus, Name: r.Archive, Err: ErrReplayBus}
	case !r.From.Before(r.To):
		return Replay{}, ErrReplayWindow
	}
	b.replayMu.Lock()
	defer b.replayMu.Unlock()
	if _, exists := b.replays[r.Name]; exists {
		return Replay{}, &NameError{Name: r.Name, Err: ErrReplayExists}
	}
	if len(b.activeReplays()) >= maxReplays {
		return Replay{}, ErrLimit
	}
	r.State, r.Reason, r.Started, r.Ended, r.Last = ReplayStarting, "", b.opts.Now().UTC(), time.Time{}, time.Time{}
	r.Sent, r.Position, r.End = 0, 0, b.store.Durable()
	if err := b.saveReplay(&r); err != nil {
		return Replay{}, err
	}
	b.wakeReplays()
	return r, nil
}

// CancelReplay asks Run to end a replay where it is. Errors: ErrReplayNotFound,
// ErrReplayOver.
func (b *Buses) CancelReplay(name string) (Replay, error) {
	b.replayMu.Lock()
	defer b.replayMu.Unlock()
	old, ok := b.replays[name]
	if !ok {
		return Replay{}, &NameError{Name: name, Err: ErrReplayNotFound}
	}
	if old.Over() || old.State == ReplayCancelling {
		return Replay{}, &NameError{Name: name, Err: ErrReplayOver}
	}
	r := *old
	r.State = ReplayCancelling
	if err := b.saveReplay(&r); err != nil {
		return Replay{}, err
	}
	b.wakeReplays()
	return r, nil
}

// Replay returns a replay. Errors: ErrReplayNotFound.
func (b *Buses) Replay(name string) (Replay, error) {
	b.replayMu.Lock()
	defer b.replayMu.Unlock()
	if r, ok := b.replays[name]; ok {
		return *r, nil
	}
	return Replay{}, &NameError{Name: name, Err: ErrReplayNotFound}
}

// Replays returns all replays in the order of their names. They are never
// deleted.
func (b *Buses) Replays() []Replay {
	b.replayMu.Lock()
	defer b.replayMu.Unlock()
	var out []Replay
	for _, r := range b.replays {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(x, y Replay) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// activeReplays returns the names of the replays that are not over, the oldest
// first. The caller holds replayMu.
func (b *Buses) activeReplays() []string {
	var active []*Replay
	for _, r := range b.replays {
		if !r.Over() {
			active = append(active, r)
		}
	}
	slices.SortFunc(active, func(x, y *Replay) int { return x.Started.Compare(y.Started) })
	var out []string
	for _, r := range active {
		out = append(out, r.Name)
	}
	return out
}

// saveReplay stores a replay and then lets it take effect. The caller holds
// replayMu.
func (b *Buses) saveReplay(r *Replay) error {
	err := b.save(func(batch *kv.Batch) { batch.Set(replayKey(r.Name), encode(r)) })
	if err == nil {
		b.replays[r.Name] = r
	}
	return err
}

func (b *Buses) wakeReplays()   { b.replaySignal.Set() }
func (b *Buses) wakeSchedules() { b.scheduleSignal.Set() }

// loadReplays reads the stored replays.
func (b *Buses) loadReplays() error {
	return each(b.store, kv.NewKey('a').Raw([]byte{'r'}), func(value []byte) error {
		var r Replay
		if err := json.Unmarshal(bytes.Clone(value), &r); err != nil {
			return fmt.Errorf("bus: %w: stored replay: %w", kv.ErrCorrupt, err)
		}
		b.replays[r.Name] = &r
		return nil
	})
}
