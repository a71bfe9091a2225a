package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newMappings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mappings",
		Short: "Look at event source mappings",
		Long: `An event source mapping hands the changes of a table to a function. A change that
the function fails on again and again is parked; tablecast parked deals with those.`,
		Example: "  tablecast mappings ls",
	}
	cmd.AddCommand(newMappingsList())
	return cmd
}

func newMappingsList() *cobra.Command {
	var f nodeFlags
	var uuid string
	cmd := &cobra.Command{
		Use: "ls", Short: "List mappings and what became of their records", Long: "Lists mappings and what became of their records.\n\n" + askHelp,
		Example: "  tablecast mappings ls", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.ask(cmd.Context(), cmd.OutOrStdout(), "mappings", map[string]string{"uuid": uuid}, func(line []byte) error {
				var m struct {
					UUID, Function, State, LastProcessingResult                         string
					Delivered, Filtered, Parked, Sent, Skipped, Gaps, Redriven, Dropped uint64
				}
				if err := readJSON(line, &m); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s: %d delivered, %d filtered, %d parked, %d to the destination, %d skipped, %d gaps, %d redriven, %d dropped; %s\n",
					m.UUID, m.Function, m.State, m.Delivered, m.Filtered, m.Parked, m.Sent, m.Skipped, m.Gaps, m.Redriven, m.Dropped, m.LastProcessingResult)
				return err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&uuid, "uuid", "", "the mapping of a `UUID` (default: all)")
	return cmd
}
