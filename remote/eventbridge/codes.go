package eventbridge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// mayPass are the codes of entries that are worth another try. All others are
// permanent: AccessDeniedException, InvalidAccountIdException, InvalidArgument,
// MalformedDetail, NotAuthorizedForDetailTypeException,
// NotAuthorizedForSourceException, RedactionFailure, and what other servers
// answer. Source: API reference of PutEventsResultEntry.
var mayPass = map[string]bool{
	"InternalException": true, "InternalFailure": true, "ServiceUnavailable": true, "ServiceUnavailableException": true,
	"ThrottlingException": true,
}

// A kind is what the failure of a whole call means.
type kind int

const (
	fine      kind = iota
	transient      // it may pass
	throttled      // it passes with fewer calls
	denied         // a permission or a credential is missing
	refused        // the request can never be taken as it is
)

var throttles = []string{
	"LimitExceededException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException",
	"ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
}

var denials = []string{
	"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId",
	"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized",
	"OptInRequired", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException",
}

var refusals = []string{"InvalidArgument", "MalformedDetail", "RequestEntityTooLarge", "SerializationException", "ValidationError", "ValidationException"}

// kindOf returns what the failure of a call means. An unknown one is transient.
func kindOf(err error) kind {
	var (
		api     smithy.APIError
		answer  *smithyhttp.ResponseError
		signing *v4.SigningError
	)
	switch {
	case err == nil:
		return fine
	case errors.As(err, &signing) || strings.Contains(err.Error(), "get identity"):
		return denied
	case errors.As(err, &api) && slices.Contains(throttles, api.ErrorCode()):
		return throttled
	case errors.As(err, &api) && slices.Contains(denials, api.ErrorCode()):
		return denied
	case errors.As(err, &api) && slices.Contains(refusals, api.ErrorCode()):
		return refused
	case errors.As(err, &answer):
		return kindOfStatus(answer.HTTPStatusCode())
	}
	return transient
}

// kindOfStatus is kindOf for an answer whose code says nothing.
func kindOfStatus(status int) kind {
	switch status {
	case http.StatusTooManyRequests:
		return throttled
	case http.StatusUnauthorized, http.StatusForbidden:
		return denied
	case http.StatusRequestEntityTooLarge:
		return refused
	}
	return transient
}

// wrap gives an error of a call its meaning.
func (k kind) wrap(err error) error {
	switch k {
	case denied:
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case refused:
		return asRejected(err)
	}
	return err
}

func asRejected(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" {
		return &RejectedError{api.ErrorCode(), api.ErrorMessage()}
	}
	return &RejectedError{"Refused", err.Error()}
}

func isRejected(err error) bool { return errors.Is(err, ErrRejected) }

// isThrottle reports whether an entry failed for too many calls.
func isThrottle(err error) bool {
	t := (*errTransient)(nil)
	return errors.As(err, &t) && slices.Contains(throttles, t.code)
}

// hint says what an operator can do about a denial.
func hint(err error) string {
	var api smithy.APIError
	code := ""
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch {
	case strings.HasPrefix(code, "AccessDenied") || code == "NotAuthorized":
		return "allow events:PutEvents on the bus"
	case strings.Contains(code, "Expired") && !strings.HasPrefix(code, "Request"):
		return "renew the credentials"
	case strings.HasPrefix(code, "Request") || strings.Contains(code, "Signature"):
		return "check the clock, the region and the secret key"
	}
	return "check the credentials and the region"
}
