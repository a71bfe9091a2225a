package tablecast

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/eventsource"
)

// checkSources reports what of the file's event source mappings cannot be,
// before anything is changed.
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

// applySources makes the event source mappings that the file declares, or
// changes them, and removes those that an earlier file declared. A mapping of a
// stream that is disabled stays until the stream is gone, so that its last
// records reach the function; the one of the table's next stream begins at that
// stream's beginning.
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

// declaredSources returns the mappings that a file declared.
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

// settled calls change until the mapping is not busy with an earlier one.
func settled(ctx context.Context, change func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := change()
		if !errors.Is(err, eventsource.ErrBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
