package claim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A Bucket is a store in a bucket of Amazon S3, or of a server that speaks its
// protocol.
type Bucket struct {
	client         *s3.Client
	bucket, prefix string
}

// NewBucket returns the store below a prefix of a bucket.
func NewBucket(client *s3.Client, bucket, prefix string) *Bucket {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return &Bucket{client, bucket, prefix}
}

// Put implements Store.
func (b *Bucket) Put(ctx context.Context, name string, content []byte) (string, error) {
	if !isName(name) {
		return "", fmt.Errorf("claim: %q is no name", name)
	}
	key := b.prefix + name + suffix
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(content), ContentType: aws.String("application/json"),
	})
	if err != nil {
		return "", fmt.Errorf("claim: %w", err)
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
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(strings.TrimPrefix(u.Path, "/"))})
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	defer out.Body.Close()
	return io.ReadAll(io.LimitReader(out.Body, limit))
}
