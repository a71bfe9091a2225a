// Command consume is a Lambda function that writes down the events it is given.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(consume) }

func consume(_ context.Context, e events.CloudWatchEvent) error {
	var user struct{ ID string }
	if err := json.Unmarshal(e.Detail, &user); err != nil {
		return err
	}
	out, err := os.OpenFile(os.Getenv("OUT"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = fmt.Fprintf(out, "%s %s\n", e.DetailType, user.ID)
	return err
}
