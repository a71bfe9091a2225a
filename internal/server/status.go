package server

import (
	"math"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/eventsource"
)

// A status is what /_api/v1/status tells: how far each relay is, for each target
// of a rule where its events are (P6), and what became of the records of each
// event source mapping.
type status struct {
	Relays   []relayStatus  `json:"relays"`
	Rules    []targetStatus `json:"rules"`
	Sources  []sourceStatus `json:"eventSourceMappings"`
	Lost     uint64         `json:"eventsToMissingBuses"`
	Syncs    uint64         `json:"fsyncs"`
	Durable  uint64         `json:"durable"`
	NotReady string         `json:"notReady,omitzero"` // why, if a hop makes no progress
}

type sourceStatus struct {
	UUID     string `json:"uuid"`
	Stream   string `json:"stream"`
	Function string `json:"function"`
	State    string `json:"state"`
	Result   string `json:"lastProcessingResult"`
	eventsource.Counts
}

type relayStatus struct {
	Table    string `json:"table"`
	Position uint64 `json:"position"`
	End      uint64 `json:"end"`
	Parked   uint64 `json:"parked"`
	Gaps     uint64 `json:"gaps"`
	Error    string `json:"error,omitzero"`
}

type targetStatus struct {
	Bus          string `json:"bus"`
	Rule         string `json:"rule"`
	Target       string `json:"target"`
	Matched      uint64 `json:"matched"`
	Delivered    uint64 `json:"delivered"`
	DeadLettered uint64 `json:"deadLettered"`
	Dropped      uint64 `json:"dropped"`
	Pending      uint64 `json:"pending"`
	Error        string `json:"error,omitzero"`
}

func statusOf(node *tablecast.Node) status {
	stats := node.Stats()
	out := status{Relays: []relayStatus{}, Rules: []targetStatus{}, Sources: []sourceStatus{}, Lost: node.Buses().Lost(), Syncs: stats.Syncs, Durable: stats.Durable}
	if err := node.Ready(); err != nil {
		out.NotReady = err.Error()
	}
	for _, r := range node.Relays() {
		out.Relays = append(out.Relays, relayStatus{r.Table, r.Position, r.End, r.Parked, r.Gaps, r.LastError})
	}
	for _, s := range node.EventSources().List("", math.MaxInt) {
		out.Sources = append(out.Sources, sourceStatus{s.UUID, s.Stream, s.Function, s.State, s.Result, s.Counts})
	}
	for _, s := range node.Queues().States() {
		out.Rules = append(out.Rules, targetStatus{
			Bus: s.ID.Bus, Rule: s.ID.Rule, Target: s.ID.Target, Matched: s.Matched, Delivered: s.Delivered,
			DeadLettered: s.DeadLettered, Dropped: s.Dropped, Pending: s.Pending(), Error: s.LastError,
		})
	}
	return out
}
