// Command consume is a Lambda function that writes down the events it is given.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/runtimeapi"
)

func main() {
	fmt.Fprintln(os.Stderr, runtimeapi.New(os.Getenv(runtimeapi.EnvAddress)).Run(context.Background(), consume))
	os.Exit(1)
}

func consume(_ context.Context, in runtimeapi.Invocation) ([]byte, error) {
	var e struct {
		DetailType string `json:"detail-type"`
		Detail     struct {
			ID string `json:"id"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(in.Payload, &e); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(os.Getenv("OUT"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	_, err = fmt.Fprintf(out, "%s %s\n", e.DetailType, e.Detail.ID)
	return []byte("null"), err
}
