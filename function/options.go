package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
)

// Options configure Functions.
type Options struct {
	// Account and Region are those of ARNs. The defaults are local.Account and
	// local.Region.
	Account, Region string
	// Endpoint is what the SDKs in functions call. Without it none can run.
	Endpoint string
	// Credentials are what the SDKs in functions sign with. The default is that
	// of process.Spec.
	Credentials process.Credentials
	// Dir is the folder that code is unpacked in. Open removes what an earlier process
	// unpacked there, and fails if it has anything else in it.
	Dir string
	// Off keeps functions from being created, changed and invoked: no process is
	// started. Those of the store stay, and can be deleted.
	Off bool
	// Declared are the functions of the node's file.
	Declared []process.Spec
	// Function are the options of each function, but for Log.
	Function process.Options
	// Log takes the lines of functions. The default drops them.
	Log func(name string, l process.Line)
	// Destination returns the destination of an ARN, or *DestinationError if records
	// cannot be sent there. The default knows none.
	Destination func(arn string) (Destination, error)
	// Pause is the time before the next attempt of an event: n is how many attempts
	// failed, or with failed false, how many times in a row none could be made or
	// the destination did not take the record. The default is Lambda's: n minutes;
	// 1 s, doubled up to 5 minutes, with jitter.
	Pause func(n int, failed bool) time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// ErrRefused says that a destination will never take the record, because of its
// size for instance: it becomes a dead letter of the function.
var ErrRefused = errors.New("function: the destination refuses the record")

// A Destination takes the invocation record of an event. After ErrRefused the
// record becomes a dead letter; after any other error it is sent again later.
type Destination func(ctx context.Context, r InvocationRecord) error

// An InvocationRecord is what a destination gets about an asynchronous invocation.
type InvocationRecord struct {
	Function string // ARN with version
	Success  bool   // the function succeeded
	Body     []byte // JSON, in the form of Lambda's invocation records
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = local.Account
	}
	if o.Region == "" {
		o.Region = local.Region
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

// pauseOf is the default of Options.Pause.
func pauseOf(n int, failed bool) time.Duration {
	if failed {
		return time.Duration(n) * time.Minute
	}
	return (&wait.Backoff{Least: time.Second, Most: 5 * time.Minute}).After(n + 1)
}

// A DestinationError says that nothing can be sent to the ARN.
type DestinationError struct{ ARN string }

// Error names the ARN.
func (e *DestinationError) Error() string { return "function: no destination " + e.ARN }
