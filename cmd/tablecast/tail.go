package main

import (
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/follow"
)

func newTail() *cobra.Command {
	var client clientFlags
	var endpoint, from string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tail TABLE",
		Short: "Print the changes of a table as they happen",
		Long: `Prints each change of TABLE over the DynamoDB Streams API, of the node that is
running or of whatever --endpoint points at, until it is interrupted: the old value
left, the new value right. Attributes are marked + added, - removed, ~ changed; long
values are cut, but not with --json. What the stream's view lacks is not shown.

--from is latest (what is written from now on), trim-horizon (the oldest change
that is kept), or a sequence number, after which it goes on. Changes of one item
come in order. With --json each change is one line:

  {"event":"MODIFY","sequenceNumber":"…","time":"…","keys":{…},"new":{…},"old":{…},"changed":["…"]}

with items as DynamoDB writes them, and "expired":true if time to live removed the
item.

Exit statuses:
  0   interrupted
  1   failed while running
  2   wrong usage
  3   the server refuses the credentials, or does not let their key do this`,
		Example: `  tablecast tail users
  tablecast tail users --from trim-horizon --json | jq .changed`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if from != follow.Latest && from != follow.TrimHorizon && !isSequenceNumber(from) {
				return usageError{fmt.Errorf("--from %s: write latest, trim-horizon or a sequence number", from)}
			}
			c, err := client.connect(cmd.Context(), endpoint)
			if err != nil {
				return err
			}
			return follow.Run(cmd.Context(), follow.Options{
				Tables: dynamodb.NewFromConfig(c), Streams: dynamodbstreams.NewFromConfig(c), Table: args[0], From: from,
				Record: printer(cmd.OutOrStdout(), asJSON),
				Notice: func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), "tablecast: "+text) },
			})
		},
	}
	client.add(cmd)
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "`URL` of the server (default: AWS_ENDPOINT_URL, or "+defaultURL+")")
	cmd.Flags().StringVar(&from, "from", follow.Latest, "`POSITION` to start at")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

func isSequenceNumber(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) >= 21 && len(s) <= 40
}

// printer returns what prints records.
func printer(w io.Writer, asJSON bool) func(types.Record) error {
	if asJSON {
		return func(r types.Record) error { return writeJSON(w, newTailRecord(r)) }
	}
	colour := false
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return func(r types.Record) error { return writeText(w, newTailRecord(r), colour) }
}
