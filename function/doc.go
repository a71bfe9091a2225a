// Package function keeps the functions of a node: those that came over the API,
// with their code, and those that the node's file declares. It runs them
// through package process, and holds the queue of asynchronous invocations: events
// whose sender does not wait for the function's answer.
//
// # Keys
//
//	'f' 0 name          -> function: configuration, where its code is, policy, tags (JSON)
//	'f' 1 code chunk    -> a MiB of a zip file; code is its number in the store
//	'f' 2 seq           -> queued event: waits for an attempt, or its invocation record for its destination (JSON)
//	'f' 3 name seq      -> event whose attempts are used up (JSON)
//
// # Invariants
//
//  1. A change of a function is durable before it is in force. Its code is
//     whole in the store before the function refers to it.
//  2. Folders of code are made from the store at Open, and never trusted after:
//     what a power loss leaves there does not matter.
//  3. An invocation runs on the configuration that was in force when it was
//     made, to its end; the next one on the new configuration.
//  4. An event is durable before Enqueue returns. It leaves the queue in the
//     batch that makes it a dead letter, or after an attempt that succeeded, or
//     after its destination took it; so each is attempted at least once.
//  5. A function that cannot start (no node on this machine, no such handler)
//     says so in its State, and takes no attempt away from an event.
package function

import "errors"

// Errors of this package.
var (
	// ErrNotFound says that there is no function of that name.
	ErrNotFound = errors.New("function: no such function")
	// ErrExists says that there is a function of that name.
	ErrExists = errors.New("function: function exists")
	// ErrDeclared refuses to change a function that the node's file declares.
	ErrDeclared = errors.New("function: the function is declared in the node's file")
	// ErrRevision says that the function is not of the revision that the caller
	// knows.
	ErrRevision = errors.New("function: another revision")
	// ErrConcurrency says that the function's reserved concurrency is 0.
	ErrConcurrency = errors.New("function: reserved concurrency is 0")
	// ErrOff refuses to create, change and invoke functions on a node whose functions
	// are off.
	ErrOff = errors.New("function: functions are off on this node")
	// ErrStatement says that a policy has no such statement.
	ErrStatement = errors.New("function: no such statement")
	// ErrStatementExists says that a policy has the statement.
	ErrStatementExists = errors.New("function: statement exists")
	// ErrNoConfig says that the function has no configuration of events.
	ErrNoConfig = errors.New("function: no event configuration")
	// ErrTooManyTags says that a function can have 50 tags.
	ErrTooManyTags = errors.New("function: too many tags")
	// ErrZip says that code is no zip file that can be unpacked here.
	ErrZip = errors.New("function: not a usable zip file")
	// ErrCodeSize says that unpacked code is larger than 250 MiB.
	ErrCodeSize = errors.New("function: code is too large")
	// ErrBacklog says that 100,000 events wait, of all functions together.
	ErrBacklog = errors.New("function: too many events wait")
)
