package eventbridge

import (
	"errors"
	"fmt"
)

// Errors of Publish, one an event.
var (
	// ErrRejected means that the bus will never take the event: trying again
	// changes nothing. Errors that wrap it are of type *RejectedError.
	ErrRejected = errors.New("eventbridge: the bus rejects the event")
	// ErrBehind means that the event was not sent because an earlier one of its
	// group was rejected.
	ErrBehind = errors.New("eventbridge: an earlier event of the group was rejected")
	// ErrDenied means that the call is not allowed: a permission is missing, or
	// the credentials are absent, wrong or expired. That can heal, so Publish
	// goes on trying; it stands in Status and in the errors of a Publish whose
	// context ended.
	ErrDenied = errors.New("eventbridge: the call is not allowed")
)

// A RejectedError says why an event is rejected, with the error code and the message
// of the bus. Callers that show or count them by code use errors.As.
type RejectedError struct {
	Code, Message string
}

// Error returns the code and the message.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("%v: %s: %s", ErrRejected, e.Code, e.Message)
}

// Unwrap returns ErrRejected.
func (e *RejectedError) Unwrap() error { return ErrRejected }

// errTransient is a failure of one entry that may pass.
type errTransient struct{ code, message string }

func (e *errTransient) Error() string { return e.code + ": " + e.message }
