package process

import "errors"

// Failures of Invoke that are not the function's.
var (
	// ErrClosed means that Run has ended.
	ErrClosed = errors.New("process: closed")
	// ErrBusy means that Options.MaxWaiting invocations wait already; calling
	// again later can help.
	ErrBusy = errors.New("process: too many invocations wait")
	// ErrPayloadTooLarge means that the payload is longer than MaxPayloadBytes.
	ErrPayloadTooLarge = errors.New("process: payload is too large")
)

// Codes of an Error.
const (
	CodeInvalid       = "INVALID"        // a field of the Spec is wrong
	CodeUnsupported   = "UNSUPPORTED"    // no way here to run this runtime
	CodeNoRuntime     = "NO_RUNTIME"     // the runtime's program is not on this machine
	CodeNoHandler     = "NO_HANDLER"     // the handler's file cannot be found
	CodeNotExecutable = "NOT_EXECUTABLE" // the bootstrap is no program that can run
	CodeBuild         = "BUILD"          // the TypeScript source does not build
)

// An Error says why a function cannot run, and what to do about it.
type Error struct {
	// Function is Spec.Name.
	Function string
	// Code is one of the Code constants.
	Code string
	// Msg says what is wrong, Fix what to do; each is one line, except that
	// Msg of CodeBuild has a line for each fault of the source.
	Msg, Fix string
}

// Error returns the function's name, the message and the fix.
func (e *Error) Error() string {
	return "function " + e.Function + ": " + e.Msg + " (" + e.Fix + ")"
}
