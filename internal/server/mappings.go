package server

import (
	"context"
	"math"

	"github.com/tablecast/tablecast/eventsource"
)

// mappingsIn selects event source mappings.
type mappingsIn struct {
	UUID string `json:"uuid"` // empty: all
}

// sources answers a mapping a line.
func (a administration) sources(_ context.Context, in mappingsIn, out *lines) error {
	all := a.node.EventSources().List("", math.MaxInt)
	if in.UUID != "" {
		s, err := a.node.EventSources().Get(in.UUID)
		if err != nil {
			return err
		}
		all = []eventsource.Status{s}
	}
	for _, s := range all {
		if !out.put(sourceStatus{s.UUID, s.Stream, s.Function, s.State, s.Result, s.Counts}) {
			return nil
		}
	}
	return nil
}
