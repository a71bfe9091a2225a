// Command tablecast turns committed table changes into business events: an
// embedded node with DynamoDB-compatible tables and streams and an
// EventBridge-compatible bus on one port and one folder. Started by AWS Lambda,
// without arguments, it is the function that maps the changes of a stream.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run runs the command that the arguments name and returns its exit status.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	var err error
	if inLambda() && len(os.Args) == 1 {
		err = runFunction(ctx)
	} else {
		err = newRoot().ExecuteContext(ctx)
	}
	if err != nil {
		report(os.Stderr, err)
	}
	return exitStatus(err)
}
