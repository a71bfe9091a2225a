// Command greet is a Lambda function that is built with AWS's public library.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Name string `json:"name"`
	Do   string `json:"do"`
}

// A stream is an answer that the library streams, as it cannot be written as JSON.
type stream func([]byte) (int, error)

func (s stream) Read(p []byte) (int, error) { return s(p) }

func main() { lambda.Start(handle) }

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		return lc.AwsRequestID + " " + lc.InvokedFunctionArn + " " + os.Getenv("_X_AMZN_TRACE_ID"), nil
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("lost my head")
	case "stream":
		return stream(strings.NewReader(strings.Repeat("s", 100000)).Read), nil
	case "break":
		return stream(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("broke off"))).Read), nil
	}
	return "Hello, " + e.Name, nil
}
