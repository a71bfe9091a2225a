package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/kv"
)

// Exit statuses, listed in the help of every command that can end with them.
const (
	statusOK          = 0
	statusFailed      = 1
	statusUsage       = 2
	statusDenied      = 3
	statusAddrInUse   = 4
	statusLocked      = 5
	statusNewerFormat = 6
	statusDiskFull    = 7
	statusCorrupt     = 8
)

const exitHelp = `Exit statuses:
  0   ended as asked
  1   failed while running
  2   wrong usage, or faults in the configuration (all are printed)
  3   the node refuses the credentials, or does not let their key do this
  4   the address is in use
  5   the folder is in use by another process
  6   the folder was written by a newer version
  7   the disk is full
  8   the folder is damaged, or older than what was acknowledged from it
  70  the log could not be written or synced (never retried)`

// A usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// denials are the codes of answers to requests that are signed by nobody whom the
// server knows, or whose key may not what they ask for.
var denials = []string{
	"AccessDeniedException", "MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException",
	"IncompleteSignatureException", "ExpiredTokenException",
}

// denied reports whether an error is such an answer.
func denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(denials, api.ErrorCode())
}

// exitStatus maps an error that ends a command to its exit status.
func exitStatus(err error) int {
	var usage usageError
	var faults config.Faults
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &usage), errors.As(err, &faults):
		return statusUsage
	case denied(err):
		return statusDenied
	case errors.Is(err, syscall.EADDRINUSE):
		return statusAddrInUse
	case errors.Is(err, kv.ErrLocked):
		return statusLocked
	case errors.Is(err, kv.ErrNewerFormat):
		return statusNewerFormat
	case errors.Is(err, kv.ErrDiskFull), errors.Is(err, syscall.ENOSPC):
		return statusDiskFull
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, kv.ErrBehindWatermark), errors.Is(err, keys.ErrDamaged), errors.Is(err, seal.ErrKeySize):
		return statusCorrupt
	default:
		return statusFailed
	}
}

// report prints why a command ended: the faults of a configuration one a line, any
// other error as one line, and nothing after a match that printed its reasons.
func report(w io.Writer, err error) {
	if errors.Is(err, errNoMatch) {
		return
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(w, faults.Error())
		return
	}
	fmt.Fprintln(w, "tablecast: "+strings.ReplaceAll(err.Error(), "\n", " "))
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(w, "Run 'tablecast --help' for usage.")
	}
}
