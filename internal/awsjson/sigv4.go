package awsjson

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/tablecast/tablecast/internal/keys"
)

// Auth verifies AWS Signature Version 4 in the Authorization header. Signatures
// in the query string, unsigned and streamed payloads and session tokens are
// refused.
type Auth struct {
	// Keys are the keys that may sign.
	Keys Keys
	// Account is that of the users that the keys stand for. The default is
	// local.Account.
	Account string
	// Region is the region that signatures must be scoped to.
	Region string
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// Keys are the keys of a node. Any goroutine may call the methods.
type Keys interface {
	// Closed reports whether requests must be signed.
	Closed() bool
	// Find returns the key of an access key id, expired or not.
	Find(id string) (keys.Key, bool)
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	isoBasic   = "20060102T150405Z"

	// window is how far the time of a signature may be from ours.
	window = 5 * time.Minute
)

// mustSign returns the headers that a signature has to cover: those that say
// what is asked for, in a REST request whatever X-Amz header there is.
func mustSign(r *http.Request, rest bool) []string {
	if !rest {
		return []string{"host", "x-amz-date", "x-amz-target"}
	}
	names := []string{"host", "x-amz-date"}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Date" {
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

func errAuth(name, message string) *Error {
	return &Error{Type: name, Status: http.StatusBadRequest, Message: message}
}

func errIncomplete(message string) *Error { return errAuth("IncompleteSignatureException", message) }
func errInvalid(message string) *Error    { return errAuth("InvalidSignatureException", message) }

var (
	errMissing      = errAuth("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	errUnrecognized = errAuth("UnrecognizedClientException", "The security token included in the request is invalid.")
	errExpired      = errAuth("ExpiredTokenException", "The security token included in the request is expired")
	errMismatch     = errInvalid("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
)

// verify returns the key with which the request was signed for the service. Only a
// REST request has a path and a query. It tells whether a key is expired to those who
// have its secret.
func (a *Auth) verify(r *http.Request, service string, rest bool, body []byte) (*keys.Key, error) {
	c, err := parseAuthorization(r)
	if err != nil {
		return nil, err
	}
	if err := a.checkTime(c.date); err != nil {
		return nil, err
	}
	if err := c.checkHeaders(r, rest); err != nil {
		return nil, err
	}
	if err := a.checkScope(c, service); err != nil {
		return nil, err
	}
	if len(r.Header["X-Amz-Security-Token"]) > 0 {
		return nil, errUnrecognized
	}
	k, known := a.Keys.Find(c.keyID)
	want := c.sign(r, k.Secret, body) // also for an unknown key, so that both take the same time
	switch {
	case !known:
		return nil, errUnrecognized
	case !hmac.Equal([]byte(want), []byte(c.signature)):
		return nil, errMismatch
	case k.Expired(a.now()):
		return nil, errExpired
	default:
		return &k, nil
	}
}

func (a *Auth) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

func (a *Auth) checkTime(date string) error {
	at, err := time.Parse(isoBasic, date)
	if err != nil {
		return errIncomplete("Date must be in ISO-8601 'basic format'. Got '" + date + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	now := a.now().UTC()
	text := now.Format(isoBasic)
	switch {
	case at.Before(now.Add(-window)):
		return errInvalid("Signature expired: " + date + " is now earlier than " + now.Add(-window).Format(isoBasic) + " (" + text + " - 5 min.)")
	case at.After(now.Add(window)):
		return errInvalid("Signature not yet current: " + date + " is still later than " + now.Add(window).Format(isoBasic) + " (" + text + " + 5 min.)")
	default:
		return nil
	}
}

// checkScope checks what the signing key is bound to, and names all that is
// wrong with it.
func (a *Auth) checkScope(c *credential, service string) error {
	var wrong []string
	if c.region != a.Region {
		wrong = append(wrong, "Credential should be scoped to a valid region, not '"+c.region+"'. ")
	}
	if c.service != service {
		wrong = append(wrong, "Credential should be scoped to correct service: '"+service+"'. ")
	}
	if c.term != terminator {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: '"+terminator+"', not '"+c.term+"'. ")
	}
	if c.day != c.date[:8] {
		wrong = append(wrong, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+c.day+"' != '"+c.date[:8]+"', from '"+c.date+"'. ")
	}
	if wrong == nil {
		return nil
	}
	return errInvalid(strings.Join(wrong, ""))
}

// sign computes the signature that the request should have.
func (c *credential) sign(r *http.Request, secret string, body []byte) string {
	canonical := sha256.Sum256(c.canonical(r, body))
	scope := c.day + "/" + c.region + "/" + c.service + "/" + c.term
	toSign := algorithm + "\n" + c.date + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])
	key := mac(mac(mac(mac([]byte("AWS4"+secret), c.day), c.region), c.service), c.term)
	return hex.EncodeToString(mac(key, toSign))
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}
