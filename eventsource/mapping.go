package eventsource

import (
	"fmt"
	"time"

	"github.com/tablecast/tablecast/pattern"
)

// What becomes of records that the function does not take.
const (
	// Park sets the failing item aside; its later changes queue behind it.
	Park = "park"
	// Block holds up the lane until the function takes the batch, its retries
	// are used up or it is too old, as Lambda does.
	Block = "block"
	// Skip drops the records and counts them.
	Skip = "skip"
)

// DeadLetters is the destination that keeps records in the store, as dead
// letters of the function.
const DeadLetters = "dead-letters"

// parkRetries is how often a record is tried again before it is parked, unless
// MaxRetries says otherwise.
const parkRetries = 2

// maxTags is the most tags of a mapping.
const maxTags = 50

// Starting positions.
const (
	TrimHorizon = "TRIM_HORIZON"
	Latest      = "LATEST"
)

// Settings are what can be changed of a mapping. Lambda's names and limits.
type Settings struct {
	Function  string `json:"function"` // its name
	Enabled   bool   `json:"enabled"`
	BatchSize int    `json:"batchSize"` // records, 1 to 10,000
	// BatchingWindow is for how many seconds a batch waits for more records, 0 to
	// 300.
	BatchingWindow int  `json:"window,omitzero"`
	Parallel       int  `json:"parallel"`        // lanes of a shard, 1 to 10
	MaxRetry       int  `json:"maxRetry"`        // -1: no limit
	MaxAge         int  `json:"maxAge"`          // seconds; -1: no limit
	Bisect         bool `json:"bisect,omitzero"` // halve a batch that fails
	Report         bool `json:"report,omitzero"` // ReportBatchItemFailures
	// TumblingWindow is the length of the windows over whose batches the function
	// carries a state, in seconds, 0 to 900; 0 for none.
	TumblingWindow int      `json:"tumbling,omitzero"`
	Filters        []string `json:"filters,omitzero"`   // patterns; a record that one matches is handed over
	OnFailure      string   `json:"onFailure,omitzero"` // ARN, or DeadLetters
	// OnError is Park, Block or Skip; empty means Block if there is OnFailure,
	// else Park.
	OnError string `json:"onError,omitzero"`
}

// Defaults returns Lambda's defaults.
func Defaults() Settings {
	return Settings{Enabled: true, BatchSize: 100, Parallel: 1, MaxRetry: -1, MaxAge: -1}
}

// policy returns what OnError means.
func (s *Settings) policy() string {
	switch {
	case s.OnError != "":
		return s.OnError
	case s.OnFailure != "":
		return Block
	}
	return Park
}

// retries returns how often a batch is tried again; -1 for no limit.
func (s *Settings) retries() int {
	if s.MaxRetry < 0 && s.policy() != Block {
		return parkRetries
	}
	return s.MaxRetry
}

// compile returns the filters as patterns.
func (s *Settings) compile() ([]*pattern.Pattern, error) {
	var out []*pattern.Pattern
	for _, f := range s.Filters {
		p, err := pattern.Filter.Compile([]byte(f))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFilter, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// A Mapping feeds one function from one stream.
type Mapping struct {
	UUID   string `json:"uuid"`
	Stream string `json:"stream"` // ARN
	// Start is TrimHorizon or Latest; with the latter records up to After are
	// passed over.
	Start string `json:"start"`
	After uint64 `json:"after"`
	Settings
	Tags     map[string]string `json:"tags,omitzero"`
	Modified time.Time         `json:"modified"`
	// Origin names what declared the mapping; empty for the API.
	Origin string `json:"origin,omitzero"`
}

// States of a mapping, by Lambda's names: what embedding programs compare
// Status.State with.
const (
	Creating  = "Creating"
	Enabled   = "Enabled"
	Enabling  = "Enabling"
	Disabled  = "Disabled"
	Disabling = "Disabling"
	Updating  = "Updating"
	Deleting  = "Deleting"
)

// A Status is how a mapping is doing.
type Status struct {
	Mapping
	State  string
	Result string // LastProcessingResult
	// Halted says why a shard is read no further, and which; empty if all are. A
	// mapping goes on where it halted once it is changed, or the node started again.
	Halted string
	Counts
}

// Counts are what became of the records of a mapping since it was made.
type Counts struct {
	Delivered uint64 `json:"delivered,omitzero"` // taken by the function
	Filtered  uint64 `json:"filtered,omitzero"`  // matched by no filter
	Parked    uint64 `json:"parked,omitzero"`    // set aside, whatever became of them since
	Sent      uint64 `json:"sent,omitzero"`      // taken by the destination
	Skipped   uint64 `json:"skipped,omitzero"`   // dropped
	Gaps      uint64 `json:"gaps,omitzero"`      // times that records may have been trimmed unread
	Redriven  uint64 `json:"redriven,omitzero"`  // parked, and taken by the function later
	Dropped   uint64 `json:"dropped,omitzero"`   // parked, and given up
}

func (c *Counts) add(d Counts) {
	c.Delivered += d.Delivered
	c.Filtered += d.Filtered
	c.Parked += d.Parked
	c.Sent += d.Sent
	c.Skipped += d.Skipped
	c.Gaps += d.Gaps
	c.Redriven += d.Redriven
	c.Dropped += d.Dropped
}
