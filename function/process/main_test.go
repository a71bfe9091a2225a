package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"
)

// The test program is also the Go function that the tests run, and a parent
// that is killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		lambda.Start(goHandler)
	case os.Getenv(parentEnv) != "":
		if err := parent(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	default:
		goleak.VerifyTestMain(m)
	}
}

// A readFunc cannot be written as JSON, so it is streamed.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

type goEvent struct {
	Do   string `json:"do"`
	Size int    `json:"size"`
	Text string `json:"text"`
}

func goHandler(ctx context.Context, e goEvent) (any, error) {
	switch e.Do {
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("lost my head")
	case "exit":
		os.Exit(3)
	case "echo":
		return e.Text, nil
	case "stream":
		return readFunc(strings.NewReader(strings.Repeat("s", e.Size)).Read), nil
	case "break":
		return readFunc(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("broke off"))).Read), nil
	case "meet":
		res, err := http.Get(os.Getenv("MEET") + "/" + e.Text)
		if err != nil {
			return nil, err
		}
		return e.Text, res.Body.Close()
	case "environ":
		return os.Environ(), nil
	}
	lc, _ := lambdacontext.FromContext(ctx)
	fmt.Println("hello from", lc.AwsRequestID)
	return map[string]any{"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "pid": os.Getpid()}, nil
}
