package awsjson

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var fuzzTime = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// onlyKey verifies requests of one key at the time of the fuzz tests.
func onlyKey() *Auth {
	return &Auth{Region: "us-east-1", Now: func() time.Time { return fuzzTime }, Keys: oneKey{Secret: "secret"}}
}

// Whatever an Authorization header says, a request that was not signed is refused
// with an error of a client.
func FuzzAuthorization(f *testing.F) {
	good := algorithm + " Credential=key/20300102/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + strings.Repeat("0", 64)
	for _, s := range []string{good, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/e,Signature=,SignedHeaders=;", "Basic QQ==", algorithm + " Credential=////,SignedHeaders=;;host,Signature=x"} {
		f.Add(s, "20300102T030405Z", "", []byte("{}"))
	}
	f.Add(good, "2030", "a=b&a=c", []byte{})
	f.Fuzz(func(t *testing.T, header, date, query string, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", header)
		r.Header.Set("X-Amz-Date", date)
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
		_, err := onlyKey().verify(r, "dynamodb", false, body)
		var e *Error
		if !errors.As(err, &e) || e.Type == "" || e.Status >= http.StatusInternalServerError {
			t.Errorf("%q: %v", header, err)
		}
	})
}

// A request that the SDK signed is taken, however its path, query, headers and body
// look; with one byte more of the body it is not.
func FuzzCanonical(f *testing.F) {
	f.Add("GET", "/2015-03-31/functions/a b%20c", "Marker", "x y+z&=%", "X-Amz-Qa", " a  b ", []byte(nil))
	f.Add("POST", "/2015/things/é/use", "", "", "X-Amz-Qb", "", []byte(`{"a":1}`))
	f.Add("DELETE", "/2015//a/../b/*'()", "~", "/?", "X-Amz-Qc", "a b", []byte{0xFF})
	f.Fuzz(func(t *testing.T, method, path, name, value, header, text string, body []byte) {
		u := url.URL{Scheme: "http", Host: "localhost", Path: path}
		if name != "" {
			u.RawQuery = url.Values{name: {value, value + "2"}}.Encode()
		}
		r, err := http.NewRequestWithContext(t.Context(), method, u.String(), nil)
		if err != nil || !strings.HasPrefix(r.URL.Path, "/") || !strings.HasPrefix(header, "X-Amz-Q") || !visible(text) || !token(header) || http.CanonicalHeaderKey(header) != header {
			return
		}
		r.Header.Set(header, text)
		sum := sha256.Sum256(body)
		creds := aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}
		if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "lambda", "us-east-1", fuzzTime); err != nil {
			return
		}
		if _, err := onlyKey().verify(r, "lambda", true, body); err != nil {
			t.Errorf("%s %s: %v", method, r.URL, err)
		}
		if _, err := onlyKey().verify(r, "lambda", true, append(body, 'x')); err == nil {
			t.Errorf("%s %s is taken with another body", method, r.URL)
		}
	})
}

// token reports whether a text may be the name of a header of HTTP.
func token(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// visible reports whether a text may stand in a header as it is.
func visible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
