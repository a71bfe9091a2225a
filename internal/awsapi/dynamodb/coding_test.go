package dynamodb_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/private/requestcompression"
)

// sizes is a transport that keeps the coding and the size of each request and answer.
type sizes struct {
	http.RoundTripper

	mu  sync.Mutex
	all []string // guarded by mu
	in  int64    // bytes of the last request; guarded by mu
	out int64    // and of its answer; guarded by mu
}

func (s *sizes) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, r.Header.Get("Content-Encoding")+">"+resp.Header.Get("Content-Encoding"))
		s.in, s.out = r.ContentLength, resp.ContentLength
	}
	return resp, err
}

// A client that compresses its requests, and one that accepts compressed answers, whose
// checksums it compares, put and get what any other does.
func TestCompressionBySDK(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	seen := &sizes{RoundTripper: node.HTTP.Transport}
	compressing := sdk.NewFromConfig(node.Config(), func(o *sdk.Options) {
		o.EnableAcceptEncodingGzip = true
		o.HTTPClient = &http.Client{Transport: seen}
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return requestcompression.AddRequestCompression(stack, false, 1, []string{"gzip"})
		})
	})
	for _, size := range []int{10, 100 << 10} {
		item := attrs{"id": s("u"), "x": s(strings.Repeat("x", size))}
		if _, err := compressing.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("users"), Item: item}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*sdk.Client{compressing, node.client()} {
			out, err := c.GetItem(context.Background(), &sdk.GetItemInput{TableName: aws.String("users"), Key: attrs{"id": s("u")}})
			if err != nil || diff(item, out.Item) != "" {
				t.Errorf("%d bytes: %v, %s", size, err, diff(item, out.Item))
			}
		}
	}
	if got := strings.Join(seen.all, " "); got != "gzip> gzip> gzip> gzip>gzip" {
		t.Errorf("codings of requests and answers: %s", got)
	}
	if seen.in > 1000 || seen.out > 2000 {
		t.Errorf("100 KiB were asked for in %d bytes and answered in %d", seen.in, seen.out)
	}
}
