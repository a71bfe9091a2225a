package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tablecast/tablecast/function/process"
)

// Options configure Functions.
type Options struct {
	// Account and Region are those of ARNs. The defaults are 000000000000 and
	// us-east-1.
	Account, Region string
	// Endpoint is what the SDKs in functions call. Without it none can run.
	Endpoint string
	// Credentials are what the SDKs in functions sign with. The default is that
	// of function.Spec.
	Credentials process.Credentials
	// Dir is the folder that code is unpacked in. Functions owns it.
	Dir string
	// Declared are the functions of the node's file.
	Declared []process.Spec
	// Function are the options of each function, but for Log.
	Function process.Options
	// Log takes the lines of functions. The default drops them.
	Log func(name string, l process.Line)
	// Destination returns what hands a record to the ARN, or an error that says
	// that nothing does. The default knows none.
	Destination func(arn string) (Destination, error)
	// Pause is the time before attempt n+1 of an event whose attempt n failed
	// by itself, or, if not, could not be made. The default is Lambda's: n
	// minutes; 1 s, doubled up to 5 minutes.
	Pause func(n int, failed bool) time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// ErrRefused says that a destination will never take the record, because of its
// size for instance: it becomes a dead letter of the function.
var ErrRefused = errors.New("function: the destination refuses the record")

// A Destination takes the record of an event, or says why not; ErrRefused, or
// anything else to be asked again.
type Destination func(ctx context.Context, r Record) error

// A Record is what a destination is told.
type Record struct {
	Function string // ARN with version
	Success  bool
	Body     []byte // JSON
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = process.DefaultAccount
	}
	if o.Region == "" {
		o.Region = process.DefaultRegion
	}
	if o.Log == nil {
		o.Log = func(string, process.Line) {}
	}
	if o.Destination == nil {
		o.Destination = func(arn string) (Destination, error) { return nil, &DestinationError{arn} }
	}
	if o.Pause == nil {
		o.Pause = pauseOf
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// pauseOf is Lambda's pause.
func pauseOf(n int, failed bool) time.Duration {
	if failed {
		return time.Duration(n) * time.Minute
	}
	return min(time.Second<<min(n, 10), 5*time.Minute)
}

// A DestinationError says that nothing can be sent to the ARN.
type DestinationError struct{ ARN string }

// Error names the ARN.
func (e *DestinationError) Error() string { return "function: no destination " + e.ARN }
