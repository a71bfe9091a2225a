package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/runtimeapi"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/remote/handler"
	"github.com/tablecast/tablecast/remote/worker"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/target/claim"
)

// Variables of the environment that the function reads, besides AWS's own.
const (
	envConfig = "TABLECAST_CONFIG"     // the file; default: tablecast.yaml beside the program
	envTables = "TABLECAST_TABLES"     // NAME-ON-AWS=NAME-IN-FILE,…
	envReport = "TABLECAST_ON_FAILURE" // report, the default, or fail
)

// inLambda reports whether AWS Lambda, or function/process, runs this process.
func inLambda() bool { return os.Getenv(runtimeapi.EnvAddress) != "" }

// runFunction handles invocations until Lambda ends the process. What keeps the
// function from its start goes to Lambda, too, which gives it to the caller.
func runFunction(ctx context.Context) error {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	c := runtimeapi.New(os.Getenv(runtimeapi.EnvAddress))
	h, err := newFunction(ctx, logger)
	if err != nil {
		return errors.Join(err, c.InitError(ctx, err))
	}
	return c.Run(ctx, func(ctx context.Context, in runtimeapi.Invocation) ([]byte, error) {
		answer, err := h.Handle(ctx, in.Payload)
		if err != nil {
			logger.Error("function: the invocation failed", "request", in.RequestID, "error", err)
		}
		return answer, err
	})
}

// newFunction returns the handler that the file and the environment say.
func newFunction(ctx context.Context, logger *slog.Logger) (*handler.Handler, error) {
	path := cmp.Or(os.Getenv(envConfig), config.Find(os.Getenv("LAMBDA_TASK_ROOT")))
	if path == "" {
		return nil, errors.New("there is no tablecast.yaml beside the program: tablecast package puts it there")
	}
	file, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	o := handler.Options{File: file, Logger: logger}
	if o.Tables, err = tableNames(os.Getenv(envTables)); err != nil {
		return nil, err
	}
	switch report := os.Getenv(envReport); report {
	case "", "report":
	case "fail":
		o.Fail = true
	default:
		return nil, fmt.Errorf("%s is %q; write report or fail", envReport, report)
	}
	c, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	p := eventbridge.Options{Client: sdk.NewFromConfig(c), Definitions: file.Events, Logger: logger}
	if url := file.ClaimCheck.Store; url != "" {
		if p.Claims, err = claim.Open(url); err != nil {
			return nil, err
		}
		p.ClaimAbove = file.ClaimCheck.Above
	}
	o.Publisher = eventbridge.New(p)
	db := dynamodb.NewFromConfig(c)
	o.Delete = func(ctx context.Context, region, table string, r *stream.Record) error {
		return worker.DeleteUnchanged(ctx, db, table, r, func(o *dynamodb.Options) { o.Region = region })
	}
	return handler.New(o)
}

// tableNames reads the file's names of tables by those on AWS.
func tableNames(list string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		there, here, ok := strings.Cut(pair, "=")
		if !ok || there == "" || here == "" {
			return nil, fmt.Errorf("%s: %q is no pair of names; write NAME-ON-AWS=NAME-IN-FILE", envTables, pair)
		}
		out[there] = here
	}
	return out, nil
}
