package claim

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Open returns the store of a URL:
//
//	file:///FOLDER
//	s3://BUCKET/PREFIX?endpoint=URL&region=REGION
//
// Credentials of S3 are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN of the environment; the region is AWS_REGION or us-east-1
// unless the URL says otherwise. Errors wrap ErrURL if the text is no such URL.
func Open(text string) (Store, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	switch {
	case u.Scheme == "file" && u.Path != "" && u.Host == "":
		return OpenFolder(filepath.FromSlash(u.Path))
	case u.Scheme == "s3" && u.Host != "":
		return openBucket(u)
	}
	return nil, fmt.Errorf("%w: %s", ErrURL, text)
}

func openBucket(u *url.URL) (*Bucket, error) {
	key, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if key == "" || secret == "" {
		return nil, errors.New("claim: a store on S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return OpenBucket(u, credentials.NewStaticCredentialsProvider(key, secret, os.Getenv("AWS_SESSION_TOKEN")), os.Getenv("AWS_REGION")), nil
}
