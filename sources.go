package tablecast

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/internal/wait"
)

// checkSources returns which of the file's event source mappings name a
// destination that this node cannot call. It changes nothing.
func (n *Node) checkSources(f *config.File) error {
	for _, s := range f.EventSources {
		if s.OnFailure == "" || s.OnFailure == eventsource.DeadLetters {
			continue
		}
		if _, err := n.destination(s.OnFailure); err != nil {
			return fmt.Errorf("%s: function %s: on-failure %s cannot be told from here; queues and topics of AWS need --aws: %w", f.Path, s.Function, s.OnFailure, err)
		}
	}
	return nil
}

// applySources makes the event source mappings that the file declares, or changes
// them, and deletes those that an earlier file declared. If a table has a new
// stream, the mapping of the former one stays until that stream is gone, so that
// its last records reach the function, and the mapping of the new one begins at
// its oldest record.
func (n *Node) applySources(ctx context.Context, f *config.File) error {
	declared := map[string]bool{} // functions and tables
	for _, s := range f.EventSources {
		declared[s.Function+" "+s.Table] = true
		if err := n.applySource(ctx, s); err != nil {
			return fmt.Errorf("%s: function %s from table %s: %w", f.Path, s.Function, s.Table, err)
		}
	}
	for _, m := range n.declaredSources() {
		st, err := n.streams.Get(m.Stream)
		if err == nil && declared[m.Function+" "+st.Table()] {
			continue
		}
		err = settled(ctx, func() error { _, err := n.sources.Delete(m.UUID); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// declaredSources returns the mappings that a file declared and that are not being
// deleted.
func (n *Node) declaredSources() (out []eventsource.Status) {
	for _, m := range n.sources.List("", 1<<30) {
		if m.Origin == config.Origin && m.State != eventsource.Deleting {
			out = append(out, m)
		}
	}
	return out
}

// applySource makes or changes one mapping.
func (n *Node) applySource(ctx context.Context, s config.EventSource) error {
	d, err := n.tables.Describe(s.Table)
	if err != nil {
		return err
	}
	if d.Stream == nil {
		return errors.New("the table has no stream")
	}
	start := s.Start
	for _, m := range n.declaredSources() {
		st, err := n.streams.Get(m.Stream)
		if m.Function != s.Function || err != nil || st.Table() != s.Table {
			continue
		}
		if m.Stream == d.Stream.ARN() {
			return n.changeSource(ctx, &m, s.Settings)
		}
		start = eventsource.TrimHorizon // it goes on where the former stream ends
	}
	_, err = n.sources.Create(eventsource.Mapping{Stream: d.Stream.ARN(), Start: start, Settings: s.Settings, Origin: config.Origin})
	var exists *eventsource.ExistsError
	if errors.As(err, &exists) {
		return fmt.Errorf("the mapping %s came over the API; delete it, or leave out from: %w", exists.UUID, err)
	}
	return err
}

// changeSource gives a mapping other settings.
func (n *Node) changeSource(ctx context.Context, m *eventsource.Status, s eventsource.Settings) error {
	if reflect.DeepEqual(m.Settings, s) {
		return nil
	}
	return settled(ctx, func() error {
		_, err := n.sources.Update(m.UUID, func(was *eventsource.Settings) { *was = s })
		return err
	})
}

// settled calls change again while an earlier change of the mapping is under way,
// until ctx ends.
func settled(ctx context.Context, change func() error) error {
	for {
		err := change()
		if !errors.Is(err, eventsource.ErrBusy) || wait.Sleep(ctx, 5*time.Millisecond) != nil {
			return err
		}
	}
}
