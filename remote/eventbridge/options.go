package eventbridge

import (
	"context"
	"log/slog"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/target/claim"
)

// defaultMaxBytes is what every bus takes in a request. EventBridge takes
// event.MaxPutSize since January 2026; other servers may not.
const defaultMaxBytes = 256 << 10

// DefaultGiveUp is the default of Options.GiveUp: longer than an entry fails by itself
// at a healthy service.
const DefaultGiveUp = 15 * time.Minute

// A Client calls PutEvents; *eventbridge.Client of AWS's SDK is one. Retries are
// the Publisher's.
type Client interface {
	PutEvents(ctx context.Context, in *sdk.PutEventsInput, with ...func(*sdk.Options)) (*sdk.PutEventsOutput, error)
}

// Options configure a Publisher. Only Client is needed.
type Options struct {
	Client Client
	// MaxBytes bounds the sizes of the events of one request, added up. The
	// default is 256 KiB, the most event.MaxPutSize.
	MaxBytes int
	// Concurrency is how many calls may be under way, over all Publish together.
	// The default is 8.
	Concurrency int
	// Claims takes the details of events that are too large. The default is
	// none: they are rejected.
	Claims claim.Store
	// ClaimAbove is the size above which events are too large, if there are
	// Claims. The default, and the most, is MaxBytes.
	ClaimAbove int
	// MinPause and MaxPause bound the pause before something is tried again;
	// it doubles with each try. The defaults are 50 ms and 10 s.
	MinPause, MaxPause time.Duration
	// GiveUp is for how long an entry may fail by itself, in answers to calls that
	// do not fail and that were not too many, before its event is rejected: some
	// service calls a failure internal that comes again with each try. The
	// default is DefaultGiveUp; below 0, it is tried for ever.
	GiveUp time.Duration
	// Definitions are those whose events will be published. New warns of each
	// whose events lose their id. The default is none.
	Definitions []mapping.Definition
	// Now is the clock of pauses. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.MaxBytes = min(o.MaxBytes, event.MaxPutSize)
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.ClaimAbove <= 0 || o.ClaimAbove > o.MaxBytes {
		o.ClaimAbove = o.MaxBytes
	}
	if o.MinPause <= 0 {
		o.MinPause = 50 * time.Millisecond
	}
	if o.MaxPause <= 0 {
		o.MaxPause = 10 * time.Second
	}
	o.MaxPause = max(o.MaxPause, o.MinPause)
	if o.GiveUp == 0 {
		o.GiveUp = DefaultGiveUp
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// WithoutID returns the names of the definitions whose events carry no id of
// their own through EventBridge, since their details are bare.
func WithoutID(defs []mapping.Definition) (names []string) {
	for i := range defs {
		if e := defs[i].Shape.Envelope; e == mapping.Bare || e == "" {
			names = append(names, defs[i].Name)
		}
	}
	return names
}
