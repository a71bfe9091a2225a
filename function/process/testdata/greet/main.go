// Command greet is a Lambda function.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Name string `json:"name"`
}

func main() {
	lambda.Start(func(_ context.Context, e event) (string, error) { return "Hello, " + e.Name, nil })
}
