package claim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/internal/awscall"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
)

const (
	// tries is how often S3 is called before Put or Get fails, as by the SDKs.
	tries = 3
	// tryTime bounds one call, so that a server which never answers does not
	// hold a relay for ever.
	tryTime = 2 * time.Minute
	// idleConns is how many idle connections one store keeps.
	idleConns = 10
)

// A Bucket is a store in a bucket of Amazon S3, or of a server that speaks its
// protocol.
type Bucket struct {
	client         *awscall.Client
	base           string // the path before the key: / or /BUCKET/
	bucket, prefix string
}

// OpenBucket returns the store of a URL s3://BUCKET/PREFIX, see Open. It uses these
// credentials, and this region unless the URL names another.
func OpenBucket(u *url.URL, credentials aws.CredentialsProvider, region string) *Bucket {
	b := &Bucket{bucket: u.Host, base: "/", prefix: strings.Trim(u.Path, "/")}
	if b.prefix != "" {
		b.prefix += "/"
	}
	b.client = &awscall.Client{
		HTTP: newHTTP(), Credentials: credentials, Service: "s3",
		Region: cmp.Or(u.Query().Get("region"), region, local.Region), Endpoint: u.Query().Get("endpoint"),
	}
	// The bucket is part of the host name, unless the host is given or a certificate
	// for *.s3.REGION.amazonaws.com would not cover it.
	if b.client.Endpoint != "" || strings.Contains(b.bucket, ".") {
		b.base = "/" + b.bucket + "/"
	} else {
		b.client.Endpoint = "https://" + b.bucket + "." + awscall.Host("s3", b.client.Region)
	}
	return b
}

// newHTTP returns a client that follows no redirects: a redirected PUT would become
// a GET, whose success says nothing about what was put.
func newHTTP() *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		DisableCompression: true, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: 90 * time.Second,
	}
	return &http.Client{
		Transport: transport, Timeout: tryTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Put implements Store.
func (b *Bucket) Put(ctx context.Context, name string, content []byte) (string, error) {
	if !isName(name) {
		return "", fmt.Errorf("claim: %q is no name", name)
	}
	key := b.prefix + name + suffix
	if _, err := b.do(ctx, http.MethodPut, key, content, 0); err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "s3", Host: b.bucket, Path: "/" + key}).String(), nil
}

// Get implements Store.
func (b *Bucket) Get(ctx context.Context, ref string, limit int64) ([]byte, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "s3" || u.Host != b.bucket {
		return nil, fmt.Errorf("%w: %s", ErrForeign, ref)
	}
	name, ok := strings.CutPrefix(u.Path, "/"+b.prefix)
	if !ok || !isName(strings.TrimSuffix(name, suffix)) {
		return nil, fmt.Errorf("%w: %s", ErrForeign, ref)
	}
	return b.do(ctx, http.MethodGet, strings.TrimPrefix(u.Path, "/"), nil, limit)
}

// do makes a call for a key. It tries again unless S3 refuses the call.
func (b *Bucket) do(ctx context.Context, method, key string, content []byte, limit int64) ([]byte, error) {
	path := awscall.EscapePath(b.base + key)
	pause := wait.Backoff{Least: 100 * time.Millisecond, Most: time.Second}
	for try := 1; ; try++ {
		req, err := b.client.Request(ctx, method, path, content)
		if err != nil {
			return nil, fmt.Errorf("claim: %w", err)
		}
		if method == http.MethodPut {
			req.Header.Set("Content-Type", "application/json")
		}
		answer, err := b.client.Do(req, content, limit)
		if err == nil {
			return answer, nil
		}
		if try == tries || isRefusal(err) || pause.Wait(ctx) != nil {
			return nil, fmt.Errorf("claim: %s %s in bucket %s: %w", method, key, b.bucket, err)
		}
	}
}

// isRefusal reports whether S3 will answer the same call with the same error.
func isRefusal(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient
}
