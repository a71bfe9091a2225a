// Command consumer is a function of AWS Lambda that welcomes each new user once,
// though EventBridge delivers an event at least once.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tablecast/tablecast/remote/inbox"
)

// A detail is what the events of tablecast.yaml hold.
type detail struct {
	Metadata struct {
		EventID string `json:"eventId"`
	} `json:"metadata"`
	Data struct {
		ID    string `json:"id"`
		Email string `json:"email"`
	} `json:"data"`
}

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	c, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		logger.Error("consumer: no configuration of AWS", "error", err)
		os.Exit(1)
	}
	in := inbox.New(inbox.Options{Client: dynamodb.NewFromConfig(c), Table: os.Getenv("INBOX"), Prefix: "welcome#"})
	lambda.Start(func(ctx context.Context, e events.EventBridgeEvent) error {
		var d detail
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			return err
		}
		return in.Once(ctx, d.Metadata.EventID, func(context.Context) error {
			logger.Info("consumer: welcome", "user", d.Data.ID, "email", d.Data.Email)
			return nil
		})
	})
}
