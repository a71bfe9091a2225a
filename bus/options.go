package bus

import (
	"log/slog"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/local"
)

// MaxTargets is how many targets a rule may have unless Options.MaxTargets says
// otherwise: EventBridge's default quota.
const MaxTargets = 5

// The other quotas, as EventBridge has them.
const (
	defaultMaxBuses = 100
	defaultMaxRules = 300 // of one bus

	maxTags     = 50 // of one bus or rule
	maxArchives = 1000
	maxReplays  = 10 // that run at the same time
)

// Options configure Buses. The zero value works.
type Options struct {
	// Account and Region appear in events and ARNs. The defaults are those of
	// package local: 000000000000 and us-east-1.
	Account, Region string
	// Retention is how long accepted events are kept, in uptime of nodes. The
	// default is 24 h.
	Retention time.Duration
	// MaxBuses, MaxRules (of a bus) and MaxTargets (of a rule) are quotas. The
	// defaults are EventBridge's: 100, 300 and 5.
	MaxBuses, MaxRules, MaxTargets int
	// MaxPutBytes is how many bytes the entries of one Put may have together. The
	// default is event.MaxPutSize.
	MaxPutBytes int
	// maxBatch is how many bytes the batch of an Accept or a Put may have; 128 MiB, which
	// tests shorten.
	maxBatch int
	// DedupWindow is how long a deduplication id counts. The default is 5
	// minutes, as in SQS.
	DedupWindow time.Duration
	// StrictBus fails an entry of Put for a bus that does not exist. By default
	// it is answered as a success and the event is lost, as in EventBridge;
	// either way it is logged and counted.
	StrictBus bool
	// Serves reports whether the node can call what an ARN names; an event for one
	// that it cannot call is attempted once. By default it can call none.
	Serves func(arn string) bool
	// Check returns why the node calls no target of an ARN; nil if it may. The
	// default refuses none.
	Check func(arn string) error
	// OnAccepted is called with each event once it is durable, with the rules
	// that matched, from many goroutines; it must be quick. The default does
	// nothing.
	OnAccepted func(Accepted)
	// Now is the clock for creation times, schedules, deduplication and events
	// that come without a time; retention does not use it. The default is
	// time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// An Accepted event is one that a bus has stored durably.
type Accepted struct {
	Bus   string
	Seq   uint64 // its number in the store
	Event *event.Event
	Rules []string  // names of the rules that matched, in order
	Time  time.Time // when the event was durable
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = local.Account
	}
	if o.Region == "" {
		o.Region = local.Region
	}
	if o.DedupWindow == 0 {
		o.DedupWindow = 5 * time.Minute
	}
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	for _, limit := range []struct {
		value    *int
		standard int
	}{{&o.MaxBuses, defaultMaxBuses}, {&o.MaxRules, defaultMaxRules}, {&o.MaxTargets, MaxTargets}, {&o.MaxPutBytes, event.MaxPutSize}, {&o.maxBatch, 128 << 20}} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	if o.Serves == nil {
		o.Serves = func(string) bool { return false }
	}
	if o.Check == nil {
		o.Check = func(string) error { return nil }
	}
	if o.OnAccepted == nil {
		o.OnAccepted = func(Accepted) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
