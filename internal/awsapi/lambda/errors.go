package lambda

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
)

const (
	invalidValue = "InvalidParameterValueException"
	missing      = "ResourceNotFoundException"
	conflict     = "ResourceConflictException"
	throttled    = "TooManyRequestsException"
	tooLarge     = "RequestTooLargeException"
	service      = "ServiceException"
)

// rows has the exception, the status and the text of each error of the domain.
var rows = []struct {
	err    error
	kind   string
	status int
	text   string
	reason string
}{
	{function.ErrNotFound, missing, http.StatusNotFound, "Function not found: ", ""},
	{function.ErrExists, conflict, http.StatusConflict, "Function already exist: ", ""},
	{function.ErrDeclared, invalidValue, http.StatusBadRequest, "The file of this node declares the function, and only the file changes it: ", ""},
	{function.ErrOff, "AccessDeniedException", http.StatusForbidden, "Functions are off on this node (--no-functions).", ""},
	{function.ErrRevision, "PreconditionFailedException", http.StatusPreconditionFailed, "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id", ""},
	{function.ErrConcurrency, throttled, http.StatusTooManyRequests, "Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded"},
	{function.ErrBacklog, throttled, http.StatusTooManyRequests, "Rate Exceeded.", "FunctionInvocationRateLimitExceeded"},
	{process.ErrBusy, throttled, http.StatusTooManyRequests, "Rate Exceeded.", "ConcurrentInvocationLimitExceeded"},
	{process.ErrPayloadTooLarge, tooLarge, http.StatusRequestEntityTooLarge, "Request must be smaller than the limit of the InvokeFunction operation: 6291556 bytes, 1048576 bytes if the invocation type is Event", ""},
	{function.ErrStatement, missing, http.StatusNotFound, "Statement is not found in resource policy.", ""},
	{function.ErrStatementExists, conflict, http.StatusConflict, "The statement id provided already exists. Please provide a new statement id, or remove the existing statement.", ""},
	{function.ErrNoConfig, missing, http.StatusNotFound, "The function doesn't have an EventInvokeConfig", ""},
	{function.ErrTooManyTags, invalidValue, http.StatusBadRequest, "A resource can have at most 50 tags.", ""},
	{function.ErrCodeSize, invalidValue, http.StatusBadRequest, "Unzipped size must be smaller than 262144000 bytes", ""},
	{function.ErrZip, invalidValue, http.StatusBadRequest, "Could not unzip uploaded file. Please check your file, then try to upload again.", ""},

	// SDKs try again after these.
	{kv.ErrDiskFull, service, http.StatusInternalServerError, "The disk of this node is nearly full.", ""},
	{kv.ErrClosed, service, http.StatusInternalServerError, "The node is shutting down.", ""},
	{process.ErrClosed, service, http.StatusInternalServerError, "The node is shutting down.", ""},
}

// mapError turns a domain error into Lambda's; nil is one that no request
// should meet, such as a damaged store.
func mapError(err error) *awsjson.Error {
	var destination *function.DestinationError
	if errors.As(err, &destination) {
		return invalid("The destination ARN " + destination.ARN + " is invalid.")
	}
	if e := mapMapping(err); e != nil {
		return e
	}
	for _, r := range rows {
		if !errors.Is(err, r.err) {
			continue
		}
		e := &awsjson.Error{Type: r.kind, Status: r.status, Message: r.text}
		if strings.HasSuffix(r.text, ": ") {
			e.Message += about(err)
		}
		if r.reason != "" {
			e.Fields = map[string]any{"Reason": r.reason}
		}
		return e
	}
	return nil
}

// about returns the last word of an error's text: the name that it is about.
func about(err error) string {
	text := err.Error()
	return text[strings.LastIndexByte(text, ' ')+1:]
}
