package awsjson

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Signature Version 4, as clients put it into the Authorization header.
const (
	algorithm = "AWS4-HMAC-SHA256"
	dateForm  = "20060102T150405Z"
	maxSkew   = 5 * time.Minute
)

// An authorization is the parts of the header.
type authorization struct {
	key, date, region, service string
	signed                     []string // names of the signed headers
	signature                  string
}

// verify checks a request's signature against the secrets.
func verify(r *http.Request, body []byte, keys map[string]string, now time.Time) *Error {
	header := r.Header.Get("Authorization")
	if header == "" || r.URL.RawQuery != "" {
		return coral("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	}
	auth, ok := parseAuthorization(header)
	if !ok {
		return coral("IncompleteSignatureException", "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.")
	}
	for _, name := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !slices.Contains(auth.signed, name) {
			return coral("IncompleteSignatureException", "'%s' must be a signed header in the Authorization header.", name)
		}
	}
	at, err := time.Parse(dateForm, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != auth.date {
		return coral("IncompleteSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	if d := now.Sub(at); d > maxSkew || d < -maxSkew {
		return coral("InvalidSignatureException", "Signature expired or not yet current: the request is of %s, the time is %s", at.Format(dateForm), now.UTC().Format(dateForm))
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" && given != hash {
		return coral("InvalidSignatureException", "The x-amz-content-sha256 header does not match the body.")
	}
	secret, known := keys[auth.key]
	want := auth.sign(secret, canonicalRequest(r, auth.signed, hash), r.Header.Get("X-Amz-Date"))
	if !known {
		return coral("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if !hmac.Equal([]byte(want), []byte(auth.signature)) {
		return coral("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

func parseAuthorization(header string) (a authorization, ok bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return a, false
			}
			a.key, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.key != "" && a.signed != nil && a.signature != ""
}

// canonicalRequest writes what is signed of a request.
func canonicalRequest(r *http.Request, signed []string, bodyHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + escapePath(r.URL) + "\n" + r.URL.RawQuery + "\n")
	for _, name := range signed {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{r.Header.Get("Content-Length")}
			if values[0] == "" {
				values[0] = lengthText(r.ContentLength)
			}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyHash)
	return b.String()
}

func escapePath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

func (a authorization) sign(secret, request, date string) string {
	scope := strings.Join([]string{a.date, a.region, a.service, "aws4_request"}, "/")
	sum := sha256.Sum256([]byte(request))
	text := strings.Join([]string{algorithm, date, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.date, a.region, a.service, "aws4_request", text} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	return hex.EncodeToString(key)
}
