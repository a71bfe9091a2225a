// Package sdkhttp lets the SDK of AWS keep its connections while answers are read.
package sdkhttp

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A Client sends requests of the SDK with the client within. Any goroutine may use it.
//
// The SDK closes the body of a request as soon as the answer begins. If net/http has
// sent all of the body by then, and not yet looked for its end, it calls WriteTo of the
// closed body, takes the io.EOF that this returns for a failure, and closes the connection
// with the rest of the answer: "use of closed network connection". Read of the closed
// body ends as it should, so this client leaves net/http nothing else.
type Client struct{ aws.HTTPClient }

// Do sends a request.
func (c Client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		sent := *r
		sent.Body = struct{ io.ReadCloser }{r.Body}
		r = &sent
	}
	return c.HTTPClient.Do(r)
}
