// Package bus holds event buses: it accepts events, decides which rules want
// them, and writes for each target of such a rule a row to deliver.
//
// # Keys
//
//	'b' bus           -> bus (JSON)
//	'u' bus, rule     -> rule with its targets (JSON)
//	'e' bus, seq      -> event (binary)
//
// # Invariants
//
//  1. An event, its delivery rows and the counters of its rules are one batch;
//     with Accept, the relay's mark is in that batch, too (P5).
//  2. Matching reads one immutable set of rules, so an event sees all or
//     nothing of a change of the rules. A row for a target that was removed
//     meanwhile is counted as dropped (P6).
//  3. A change of a bus, rule or target is durable before it takes effect.
//  4. An event stays stored for the retention, and longer while a delivery of
//     it is pending.
//
// Source of the rules: Amazon EventBridge API reference and user guide.
package bus

import "errors"

// Default is the name of the bus that always exists.
const Default = "default"

// Errors of this package.
var (
	ErrBusNotFound    = errors.New("bus: no such bus")
	ErrBusExists      = errors.New("bus: bus exists")
	ErrDefaultBus     = errors.New("bus: the default bus cannot be deleted")
	ErrBusHasRules    = errors.New("bus: bus has rules")
	ErrRuleNotFound   = errors.New("bus: no such rule")
	ErrRuleHasTargets = errors.New("bus: rule has targets")
	ErrTooManyTargets = errors.New("bus: rule has too many targets")
	ErrTargetNotFound = errors.New("bus: no such target")
)
