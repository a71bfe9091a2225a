package worker

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/remote/streams"
)

// A finding is what keeps a worker from starting.
type finding struct {
	msg   string
	err   error
	heals bool // by itself, or with a little help from elsewhere
}

func (f *finding) Error() string {
	if f.err == nil {
		return f.msg
	}
	return f.msg + ": " + f.err.Error()
}

func (f *finding) Unwrap() error { return f.err }

// codeOf returns the code of a service's error; empty if it is none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func isMissing(err error) bool {
	return slices.Contains([]string{"ResourceNotFoundException", "TableNotFoundException"}, codeOf(err))
}

func isDenied(err error) bool {
	return slices.Contains([]string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}, codeOf(err))
}

// Codes of refused credentials.
var (
	expired = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
	unknown = []string{"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature"}
	unsound = []string{"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthFailure"}
)

// diagnose says in one line why something could not be done, and what helps.
func (w *Worker) diagnose(err error, doing, permission string) error {
	if err == nil {
		return nil
	}
	code := codeOf(err)
	finding := func(heals bool, why string) error { return &finding{"cannot " + doing + ": " + why, err, heals} }
	var dns *net.DNSError
	switch {
	case errors.Is(err, streams.ErrState), errors.Is(err, streams.ErrNoStream), errors.Is(err, streams.ErrNoTable):
		return finding(false, "it is not as it must be")
	case isDenied(err):
		return finding(false, "missing permission: allow "+permission)
	case slices.Contains(expired, code):
		return finding(true, "the credentials have expired: renew them")
	case slices.Contains(unknown, code):
		return finding(false, "the access key is not known: check the credentials")
	case slices.Contains(unsound, code) && isSkew(err):
		return finding(true, "the clock of this machine is wrong: set it")
	case slices.Contains(unsound, code):
		return finding(false, "the signature is refused: check the secret key, the region and the clock")
	case errors.As(err, &dns) && dns.IsNotFound:
		return finding(false, fmt.Sprintf("nothing has the name %s: check the region, which is %s", dns.Name, w.opts.Region))
	case strings.Contains(err.Error(), "get identity") || strings.Contains(err.Error(), "failed to refresh cached credentials"):
		return finding(false, "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or run with a role")
	}
	return finding(true, "it may pass")
}

// isSkew reports whether a signature is refused for its time.
func isSkew(err error) bool {
	text := strings.ToLower(err.Error())
	for _, part := range []string{"signature expired", "not yet current", "skew", "is now earlier than", "is still later than"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return codeOf(err) == "RequestTimeTooSkewed"
}
