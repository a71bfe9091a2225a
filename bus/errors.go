package bus

import "errors"

// Errors of buses and rules. Those about a bus or rule are wrapped in a
// NameError.
var (
	ErrBusNotFound    = errors.New("bus: no such bus")
	ErrBusExists      = errors.New("bus: bus exists")
	ErrBusName        = errors.New("bus: not a name for a bus")
	ErrDefaultBus     = errors.New("bus: the default bus cannot be deleted")
	ErrBusHasRules    = errors.New("bus: bus has rules")
	ErrRuleNotFound   = errors.New("bus: no such rule")
	ErrRuleHasTargets = errors.New("bus: rule has targets")
	ErrTooManyTags    = errors.New("bus: too many tags")
	// ErrScheduleBus means that a rule with a schedule is not on the default bus.
	ErrScheduleBus = errors.New("bus: schedule on another bus than the default one")
	// ErrManagedRule means that only the service that manages a rule may change
	// it.
	ErrManagedRule = errors.New("bus: rule is managed")
	// ErrLimit means that a quota is reached: of buses, rules, targets, archives
	// or running replays.
	ErrLimit = errors.New("bus: limit reached")
)

// Errors of archives and replays.
var (
	ErrArchiveNotFound = errors.New("bus: no such archive")
	ErrArchiveExists   = errors.New("bus: archive exists")
	ErrReplayNotFound  = errors.New("bus: no such replay")
	ErrReplayExists    = errors.New("bus: replay exists")
	// ErrReplayOver means that a replay has ended and cannot be canceled.
	ErrReplayOver = errors.New("bus: replay is over")
	// ErrReplayBus means that a replay names another bus than its archive's.
	ErrReplayBus = errors.New("bus: replay to another bus")
	// ErrReplayWindow means that a replay's From is not before its To.
	ErrReplayWindow = errors.New("bus: replay ends before it begins")
)

// Errors of Put as a whole.
var (
	// ErrPutCount means that there are no entries, or more than
	// event.MaxPutEntries.
	ErrPutCount = errors.New("bus: too few or too many entries")
	// ErrPutSize means that the entries together exceed Options.MaxPutBytes.
	ErrPutSize = errors.New("bus: entries too large")
)

// ErrBatchSize means that the events of an Accept, or one entry of Put, are too large
// for one batch, with what rules and archives make of them. The relay then tries
// fewer.
var ErrBatchSize = errors.New("bus: too much for one batch")

// Errors of one entry of Put; the others are event.ErrDetail, pattern.ErrAmbiguous,
// ErrBusNotFound and ErrBatchSize.
var (
	// ErrBatchFull means that an entry does not fit into one batch with the entries
	// ahead of it. Put takes it another time.
	ErrBatchFull      = errors.New("bus: no room in the batch beside the entries ahead")
	ErrNoSource       = errors.New("bus: entry without source")
	ErrNoDetailType   = errors.New("bus: entry without detail type")
	ErrNoDetail       = errors.New("bus: entry without detail")
	ErrTime           = errors.New("bus: entry with a time outside the years 0 to 9999")
	ErrReservedSource = errors.New("bus: source is reserved for AWS services")
)

// A NameError says which bus, rule, archive or replay an error is about.
type NameError struct {
	Bus, Rule string // Rule is empty if the error is about a bus
	Name      string // of an archive or replay; empty for others
	Err       error  // one of the errors above
}

// Error returns the error and the names.
func (e *NameError) Error() string {
	if e.Name != "" {
		return e.Err.Error() + ": " + e.Name
	}
	if e.Rule == "" {
		return e.Err.Error() + ": " + e.Bus
	}
	return e.Err.Error() + ": " + e.Rule + " on " + e.Bus
}

// Unwrap returns the error without the names.
func (e *NameError) Unwrap() error { return e.Err }

// An InputError says what is wrong with the input of a target, with EventBridge's
// message where there is one.
type InputError struct{ Target, Msg string }

// Error returns the message.
func (e *InputError) Error() string { return e.Msg }
