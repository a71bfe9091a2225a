package awsjson

// Crowded is the kind of refusal of a connection that is closed for another.
const Crowded = "crowded"

// The kinds of refusals that Options.Refused is told of.
const (
	oversize     = "too-large"     // a body, or what decoding makes of it
	busy         = "busy"          // no memory is free for the request
	slow         = "slow"          // the body came slower than the least rate
	unsigned     = "unsigned"      // no signature
	badSignature = "bad-signature" // a wrong or expired signature, or an unknown key
	notAllowed   = "not-allowed"   // the host, the origin or the key has no access
	throttled    = "throttled"     // too much of what a quota or the disk bounds
	malformed    = "malformed"     // what no operation takes
)

// Refusals returns all kinds.
func Refusals() []string {
	return []string{oversize, busy, slow, unsigned, badSignature, notAllowed, throttled, malformed, Crowded}
}

// refusals are the kinds by the names of exceptions.
var refusals = map[string]string{
	"RequestEntityTooLargeException":         oversize,
	"RequestTooLargeException":               oversize,
	"ServiceUnavailableException":            busy,
	"RequestTimeoutException":                slow,
	"MissingAuthenticationTokenException":    unsigned,
	"IncompleteSignatureException":           badSignature,
	"InvalidSignatureException":              badSignature,
	"UnrecognizedClientException":            badSignature,
	accessDenied:                             notAllowed,
	"ThrottlingException":                    throttled,
	"TooManyRequestsException":               throttled,
	"LimitExceededException":                 throttled,
	"ProvisionedThroughputExceededException": throttled,
	serialization:                            malformed,
	validation:                               malformed,
	unknownOperation:                         malformed,
	"InvalidParameterValueException":         malformed,
	"InvalidRequestContentException":         malformed,
}

// refused tells the observer of an answer.
func (s *server) refused(e *Error) {
	if kind, ok := refusals[e.Type]; ok && s.opts.Refused != nil {
		s.opts.Refused(kind)
	}
}
