package claim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// tries is how often S3 is asked before a call fails, as the SDKs do.
const tries = 3

// A Bucket is a store in a bucket of Amazon S3, or of a server that speaks its
// protocol.
type Bucket struct {
	client         *awscall.Client
	base           string // what keys stand behind in a path: / or /BUCKET/
	bucket, prefix string
}

// OpenBucket returns the store of a URL s3://BUCKET/PREFIX, see Open, that is
// reached with these credentials, in this region unless the URL names another.
func OpenBucket(u *url.URL, credentials aws.CredentialsProvider, region string) *Bucket {
	b := &Bucket{bucket: u.Host, base: "/", prefix: strings.Trim(u.Path, "/")}
	if b.prefix != "" {
		b.prefix += "/"
	}
	b.client = &awscall.Client{
		HTTP: http.DefaultClient, Credentials: credentials, Service: "s3",
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

// do makes a call for a key, again if it failed for what may pass.
func (b *Bucket) do(ctx context.Context, method, key string, content []byte, limit int64) ([]byte, error) {
	path := (&url.URL{Path: b.base + key}).EscapedPath()
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
	return errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient && api.ErrorCode() != "SlowDown" && api.ErrorCode() != "RequestTimeout"
}
