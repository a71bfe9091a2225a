package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newBackfill() *cobra.Command {
	var f nodeFlags
	var table string
	var rate int
	var stop, watch bool
	cmd := &cobra.Command{
		Use:   "backfill EVENT",
		Short: "Raise an event for each item that is already there",
		Long: `Has a running node raise an event, as its definition says, for each item of the
table; guards other than on hold as for changes. The events are marked as a
backfill (op is backfill) and fit between those of changes: none shows an older
state of an item after a newer one. The backfill goes on when this command ends
and when the node is started again.

` + askHelp,
		Example: `  tablecast backfill UserCreated --table users
  tablecast backfill UserCreated --table users --rate 500
  tablecast backfill UserCreated --table users --watch
  tablecast backfill UserCreated --table users --stop`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if table == "" {
				return usageError{errors.New("name the table with --table")}
			}
			out := cmd.OutOrStdout()
			in := map[string]any{"event": args[0], "table": table, "rate": rate, "stop": stop, "watch": watch}
			return f.ask(cmd.Context(), out, "backfill", in, func(line []byte) error {
				var b struct {
					Items, Events int
					Done          bool
				}
				if err := readJSON(line, &b); err != nil {
					return err
				}
				if b.Items == 0 && !b.Done {
					return nil
				}
				end := ""
				if b.Done {
					end = ", done"
				}
				fmt.Fprintf(out, "%d items, %d events%s\n", b.Items, b.Events, end)
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&table, "table", "", "`TABLE` whose items are meant")
	cmd.Flags().IntVar(&rate, "rate", 0, "at most `N` items a second (default: as fast as it goes)")
	cmd.Flags().BoolVar(&stop, "stop", false, "end the backfill of the table that is under way")
	cmd.Flags().BoolVar(&watch, "watch", false, "tell how far the backfill is, and start none")
	cmd.MarkFlagsMutuallyExclusive("stop", "watch")
	return cmd
}
