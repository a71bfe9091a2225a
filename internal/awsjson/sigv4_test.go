package awsjson_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/keys"
)

var signTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A signed call, as the AWS SDK signs it.
type call struct {
	keyID, secret, region, service string
	at                             time.Time
	body                           string
	before                         func(*http.Request) // changes the request before it is signed
	after                          func(*http.Request) // and after
}

func newCall() call {
	return call{keyID: "AKIDONE", secret: "first secret", region: "eu-west-1", service: "echo", at: signTime, body: `{"a":"b"}`}
}

func (c call) request(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:4566/", strings.NewReader(c.body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "Echo_1.Echo")
	r.Header.Set("User-Agent", "aws-sdk-go-v2/1.0  two spaces")
	if c.before != nil {
		c.before(r)
	}
	sum := sha256.Sum256([]byte(c.body))
	creds := aws.Credentials{AccessKeyID: c.keyID, SecretAccessKey: c.secret}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), c.service, c.region, c.at); err != nil {
		t.Fatal(err)
	}
	if c.after != nil {
		c.after(r)
	}
	return r
}

func signedServer() http.Handler {
	return awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{echo()}, Auth: &awsjson.Auth{
		Region: "eu-west-1",
		Now:    func() time.Time { return signTime.Add(time.Minute) },
		Keys: held{
			"AKIDONE": {Name: "one", Secret: "first secret", Allow: []keys.Grant{keys.Everything}},
			"AKIDTWO": {Name: "two", Secret: "second secret", Expires: signTime.Add(2 * time.Minute), Allow: []keys.Grant{keys.Everything}},
			"AKIDOLD": {Name: "old", Secret: "old secret", Expires: signTime.Add(time.Minute), Allow: []keys.Grant{keys.Everything}},
			"AKIDLOW": {Name: "low", Secret: "low secret", Allow: []keys.Grant{{Actions: []string{"echo:Any"}, Resources: []string{"arn:*"}}}},
		},
	}})
}

// held are the keys of a closed node.
type held map[string]keys.Key

func (h held) Closed() bool { return true }

func (h held) Find(id string) (keys.Key, bool) {
	k, ok := h[id]
	return k, ok
}

// do returns the answer, without the part of "__type" before #.
func do(h http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestSignatures(t *testing.T) {
	h := signedServer()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	replace := func(old, text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, text, 1))
		}
	}
	unsign := func(name string) func(*http.Request) { return replace(";"+name, "") }
	for _, c := range []struct {
		name string
		edit func(*call)
		want string // "" or what the error contains
	}{
		{"valid", func(*call) {}, ""},
		{"second key", func(c *call) { c.keyID, c.secret = "AKIDTWO", "second secret" }, ""},
		{"expired key", func(c *call) { c.keyID, c.secret = "AKIDOLD", "old secret" }, `#ExpiredTokenException","message":"The security token included in the request is expired`},
		{"expired key without its secret", func(c *call) { c.keyID = "AKIDOLD" }, "#InvalidSignatureException"},
		{"key that is not allowed to", func(c *call) { c.keyID, c.secret = "AKIDLOW", "low secret" }, `{"Message":"User: arn:aws:iam::000000000000:user/low is not authorized to perform: echo:Any on resource: * because no identity-based policy allows the echo:Any action","__type":"com.amazon.coral.service#AccessDeniedException"}`},
		{"with payload hash", func(c *call) {
			sum := sha256.Sum256([]byte(c.body))
			c.before = header("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		}, ""},
		{"5 minutes early", func(c *call) { c.at = signTime.Add(6 * time.Minute) }, ""},
		{"no header", func(c *call) { c.after = func(r *http.Request) { r.Header.Del("Authorization") } }, "#MissingAuthenticationTokenException\",\"message\":\"Request is missing Authentication Token"},
		{"two headers", func(c *call) {
			c.after = func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }
		}, "MissingAuthenticationToken"},
		{"basic", func(c *call) { c.after = header("Authorization", "Basic eDp5") }, "MissingAuthenticationToken"},
		{"only a scheme", func(c *call) { c.after = header("Authorization", "AWS4-") },
			"IncompleteSignatureException\",\"message\":\"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-"},
		{"no date", func(c *call) { c.after = func(r *http.Request) { r.Header.Del("X-Amz-Date") } }, "existence of either a 'X-Amz-Date'"},
		{"short date", func(c *call) { c.after = header("X-Amz-Date", "201") }, "Date must be in ISO-8601 'basic format'. Got '201'"},
		{"expired", func(c *call) { c.at = signTime.Add(-4*time.Minute - time.Second) }, "InvalidSignatureException\",\"message\":\"Signature expired: 20260301T115559Z is now earlier than 20260301T115600Z (20260301T120100Z - 5 min.)"},
		{"from the future", func(c *call) { c.at = signTime.Add(6*time.Minute + time.Second) }, "Signature not yet current"},
		{"other algorithm", func(c *call) { c.after = replace("SHA256", "SHA1") }, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'"},
		{"four elements", func(c *call) { c.after = replace("/aws4_request", "") }, "Credential must have exactly 5 slash-delimited elements"},
		{"other region", func(c *call) { c.region = "us-east-1" }, "Credential should be scoped to a valid region, not 'us-east-1'. "},
		{"other service", func(c *call) { c.service = "dynamodb" }, "Credential should be scoped to correct service: 'echo'. "},
		{"other terminator", func(c *call) { c.after = replace("aws4_request", "aws4") }, "valid terminator: 'aws4_request', not 'aws4'"},
		{"other day", func(c *call) { c.after = replace("/20260301/", "/20260302/") }, "'20260302' != '20260301', from '20260301T120000Z'"},
		{"unknown key", func(c *call) { c.keyID = "AKIDNONE" }, "UnrecognizedClientException\",\"message\":\"The security token included in the request is invalid."},
		{"unknown key with an empty secret", func(c *call) { c.keyID, c.secret = "AKIDNONE", "" }, "UnrecognizedClient"},
		{"wrong secret", func(c *call) { c.secret = "second secret" }, "The request signature we calculated does not match"},
		{"session token", func(c *call) { c.before = header("X-Amz-Security-Token", "x") }, "UnrecognizedClient"},
		{"unsigned target", func(c *call) { c.after = unsign("x-amz-target") }, "'X-Amz-Target' must be a 'SignedHeader'"},
		{"unsigned date", func(c *call) { c.after = unsign("x-amz-date") }, "'X-Amz-Date' must be a 'SignedHeader'"},
		{"unsigned host", func(c *call) { c.after = replace(";host;", ";") }, "'Host' must be a 'SignedHeader'"},
		{"unsigned payload", func(c *call) { c.before = header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, "The payload must be signed"},
		{"streaming payload", func(c *call) { c.before = header("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") }, "The payload must be signed"},
		{"another hash, signed", func(c *call) { c.before = header("X-Amz-Content-Sha256", strings.Repeat("0", 64)) }, "does not match"},
		{"signed by query", func(c *call) {
			c.after = func(r *http.Request) {
				r.Header.Del("Authorization")
				r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=x"
			}
		}, "MissingAuthenticationToken"},
		{"both forms", func(c *call) { c.after = func(r *http.Request) { r.URL.RawQuery = "X-Amz-Algorithm=x" } }, "Found both 'X-Amz-Algorithm'"},
		{"query", func(c *call) { c.after = func(r *http.Request) { r.URL.RawQuery = "a=b" } }, "query string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := newCall()
			c.edit(&call)
			status, body := do(h, call.request(t))
			switch {
			case c.want == "" && status != 200:
				t.Errorf("%d %s", status, body)
			case c.want != "" && (status != 400 || !strings.Contains(body, c.want)):
				t.Errorf("%d %s, want %s", status, body, c.want)
			}
		})
	}
}

// Each byte that is signed counts: a request in which any one of them was
// changed is refused.
func TestEveryByteCounts(t *testing.T) {
	h := signedServer()
	refused := func(what string, edit func(*http.Request)) {
		t.Helper()
		c := newCall()
		c.after = edit
		if status, body := do(h, c.request(t)); status == http.StatusOK {
			t.Errorf("%s was changed and accepted: %s", what, body)
		}
	}
	signed := newCall().request(t)
	count := 0
	for _, name := range []string{"Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Target"} {
		value := signed.Header.Get(name)
		for i := range value {
			if name == "Content-Type" && i > len("application/") && value[i] != 'a' { // keeps it a JSON type where it can
				continue
			}
			count++
			refused(fmt.Sprintf("%s[%d]", name, i), func(r *http.Request) {
				b := []byte(value)
				b[i] ^= 1
				r.Header.Set(name, string(b))
			})
		}
	}
	for i := range signed.Host {
		count++
		refused(fmt.Sprintf("Host[%d]", i), func(r *http.Request) {
			b := []byte(r.Host)
			b[i] ^= 1
			r.Host = string(b)
		})
	}
	refused("Content-Type parameter", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.0;") })
	refused("Host in an allowed form", func(r *http.Request) { r.Host = "127.0.0.1:4566" })
	body := newCall().body
	for i := range body {
		for bit := range 8 {
			count++
			refused(fmt.Sprintf("body[%d] bit %d", i, bit), func(r *http.Request) {
				b := []byte(body)
				b[i] ^= 1 << bit
				r.Body = io.NopCloser(bytes.NewReader(b))
			})
		}
	}
	hashed := newCall()
	hashed.before = func(r *http.Request) {
		sum := sha256.Sum256([]byte(hashed.body))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	}
	hashed.after = func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.ToUpper(hashed.body))) }
	if status, answer := do(h, hashed.request(t)); status == http.StatusOK {
		t.Errorf("the body differs from its signed hash: %s", answer)
	}
	refused("length of the body", func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(body + " "))
		r.ContentLength++
	})
	t.Logf("%d bytes changed", count)
}

// A signature is over a compressed body as it came.
func TestSignatureOfCompressedBody(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(`{"a":"b"}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := newCall()
	c.body = packed.String()
	c.before = func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	if status, body := do(signedServer(), c.request(t)); status != 200 || body != `{"a":"b"}` {
		t.Errorf("%d %s", status, body)
	}
	c.after = func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("no gzip")); r.ContentLength = 7 }
	if _, body := do(signedServer(), c.request(t)); !strings.Contains(body, "InvalidSignatureException") {
		t.Error(body)
	}
}

// Nothing is parsed for whom did not sign.
func TestSignatureComesFirst(t *testing.T) {
	c := newCall()
	c.secret = "wrong"
	c.body = strings.Repeat("[", 1000)
	if _, body := do(signedServer(), c.request(t)); !strings.Contains(body, "InvalidSignatureException") {
		t.Error(body)
	}
}
