package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/internal/runtimeapi"
)

// The test program is also the Go function that the tests run, and a parent
// that is killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(runtimeapi.EnvAddress) != "":
		fmt.Fprintln(os.Stderr, runtimeapi.New(os.Getenv(runtimeapi.EnvAddress)).Run(context.Background(), serveGo))
		os.Exit(1)
	case os.Getenv(parentEnv) != "":
		if err := parent(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	default:
		goleak.VerifyTestMain(m)
	}
}

type goEvent struct {
	Do   string `json:"do"`
	Text string `json:"text"`
}

func serveGo(_ context.Context, in runtimeapi.Invocation) ([]byte, error) {
	var e goEvent
	if err := json.Unmarshal(in.Payload, &e); err != nil {
		return nil, err
	}
	answer, err := goHandler(in, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func goHandler(in runtimeapi.Invocation, e goEvent) (any, error) {
	switch e.Do {
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("lost my head")
	case "exit":
		os.Exit(3)
	case "echo":
		return e.Text, nil
	case "meet":
		res, err := http.Get(os.Getenv("MEET") + "/" + e.Text)
		if err != nil {
			return nil, err
		}
		return e.Text, res.Body.Close()
	case "environ":
		return os.Environ(), nil
	}
	fmt.Println("hello from", in.RequestID)
	return map[string]any{"id": in.RequestID, "arn": in.FunctionARN, "pid": os.Getpid()}, nil
}
