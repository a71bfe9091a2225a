package awsjson

// The kinds of refusals that Options.Refused is told of.
const (
	TooLarge     = "too-large"     // a body, or what decoding makes of it
	Busy         = "busy"          // no memory is free for the request
	Slow         = "slow"          // the body came slower than the least rate
	Unsigned     = "unsigned"      // no signature
	BadSignature = "bad-signature" // a wrong or expired signature, or an unknown key
	NotAllowed   = "not-allowed"   // the host, the origin or the key has no access
	Throttled    = "throttled"     // too much of what a quota or the disk bounds
	Malformed    = "malformed"     // what no operation takes
	Crowded      = "crowded"       // a connection was closed for another
)

// Refusals returns all kinds.
func Refusals() []string {
	return []string{TooLarge, Busy, Slow, Unsigned, BadSignature, NotAllowed, Throttled, Malformed, Crowded}
}

// refusals are the kinds by the names of exceptions.
var refusals = map[string]string{
	"RequestEntityTooLargeException":         TooLarge,
	"RequestTooLargeException":               TooLarge,
	"ServiceUnavailableException":            Busy,
	"RequestTimeoutException":                Slow,
	"MissingAuthenticationTokenException":    Unsigned,
	"IncompleteSignatureException":           BadSignature,
	"InvalidSignatureException":              BadSignature,
	"UnrecognizedClientException":            BadSignature,
	accessDenied:                             NotAllowed,
	"ThrottlingException":                    Throttled,
	"TooManyRequestsException":               Throttled,
	"LimitExceededException":                 Throttled,
	"ProvisionedThroughputExceededException": Throttled,
	serialization:                            Malformed,
	validation:                               Malformed,
	unknownOperation:                         Malformed,
	"InvalidParameterValueException":         Malformed,
	"InvalidRequestContentException":         Malformed,
}

// refused tells the observer of an answer.
func (s *server) refused(e *Error) {
	if kind, ok := refusals[e.Type]; ok && s.opts.Refused != nil {
		s.opts.Refused(kind)
	}
}
