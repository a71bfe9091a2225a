// Command consumer is a function of AWS Lambda that welcomes each new user once,
// though EventBridge delivers an event at least once.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tablecast/tablecast/remote/inbox"
)

// An event is what EventBridge hands over of an event of tablecast.yaml.
type event struct {
	Detail struct {
		Metadata struct {
			EventID string `json:"eventId"`
		} `json:"metadata"`
		Data struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		} `json:"data"`
	} `json:"detail"`
}

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	c, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		logger.Error("consumer: no configuration of AWS", "error", err)
		os.Exit(1)
	}
	in := inbox.New(inbox.Options{Client: dynamodb.NewFromConfig(c), Table: os.Getenv("INBOX"), Prefix: "welcome#"})
	lambda.Start(func(ctx context.Context, e event) error {
		return in.Once(ctx, e.Detail.Metadata.EventID, func(context.Context) error {
			logger.Info("consumer: welcome", "user", e.Detail.Data.ID, "email", e.Detail.Data.Email)
			return nil
		})
	})
}
