package bus

import (
	"log/slog"
	"time"

	"github.com/tablecast/tablecast/event"
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
	// Account and Region stand in events and ARNs. The defaults are
	// 000000000000 and us-east-1.
	Account, Region string
	// Retention is how long accepted events are kept, in time that nodes ran.
	// The default is 24 h.
	Retention time.Duration
	// MaxBuses, MaxRules (of a bus) and MaxTargets (of a rule) are quotas. The
	// defaults are EventBridge's: 100, 300 and 5.
	MaxBuses, MaxRules, MaxTargets int
	// MaxPutBytes bounds the sizes of the entries of one Put, added up. The
	// default is event.MaxPutSize.
	MaxPutBytes int
	// DedupWindow is how long a deduplication id is remembered. The default is
	// 5 minutes.
	DedupWindow time.Duration
	// StrictBus makes an entry of Put for a bus that does not exist fail. By
	// default it is answered as a success and the event is lost, as
	// EventBridge does; either way it is logged and counted.
	StrictBus bool
	// Serves reports whether an ARN of another service than functions can be
	// called; an event for one that cannot is attempted once. The default is
	// none.
	Serves func(arn string) bool
	// OnAccepted hears of each event once it is durable, with the rules that
	// matched. It is called from many goroutines and must be quick. The
	// default is none.
	OnAccepted func(Accepted)
	// Now is the clock of creation times and of events that come without a
	// time. Nothing is removed by it. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// An Accepted event is durable.
type Accepted struct {
	Bus   string
	Seq   uint64 // its number in the store
	Event *event.Event
	Rules []string  // that matched, in order of their names
	Time  time.Time // when it was durable
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = "000000000000"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
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
	}{{&o.MaxBuses, defaultMaxBuses}, {&o.MaxRules, defaultMaxRules}, {&o.MaxTargets, MaxTargets}, {&o.MaxPutBytes, event.MaxPutSize}} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	if o.Serves == nil {
		o.Serves = func(string) bool { return false }
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
