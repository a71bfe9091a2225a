package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newMappings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mappings",
		Short: "Look at event source mappings, and at what they have parked",
		Long: `An event source mapping hands the changes of a table to a function. A change that
the function fails on again and again is parked with why; later changes of the
same item wait behind it, all others go on.`,
		Example: `  tablecast mappings ls
  tablecast mappings parked
  tablecast mappings retry --item '{"id":{"S":"u1"}}'`,
	}
	cmd.AddCommand(newMappingsList(), newMappingsParked(),
		newMappingsSettle("retry", "Hand parked changes to their functions again",
			`Hands the parked changes of each item to the function again, one by one in their
order, until one fails. When none is left the item's later changes flow again.`),
		newMappingsSettle("drop", "Give up the first parked change of an item",
			`Gives up the first parked change of each item that is meant: the function will not
see it. Those behind it stay; retry hands them over.`))
	return cmd
}

// mappingFlags say which mappings and items are meant.
type mappingFlags struct {
	nodeFlags
	uuid, item string
}

func (f *mappingFlags) add(cmd *cobra.Command) {
	f.nodeFlags.add(cmd)
	cmd.Flags().StringVar(&f.uuid, "uuid", "", "the mapping of a `UUID` (default: all)")
}

func (f *mappingFlags) addItem(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().StringVar(&f.item, "item", "", "one item: its key as `JSON`, as parked shows it (default: all)")
}

func (f *mappingFlags) body() (map[string]any, error) {
	in := map[string]any{"uuid": f.uuid}
	if f.item != "" {
		if !json.Valid([]byte(f.item)) {
			return nil, usageError{fmt.Errorf(`--item %s: write it as in {"id":{"S":"u1"}}`, f.item)}
		}
		in["item"] = json.RawMessage(f.item)
	}
	return in, nil
}

func newMappingsList() *cobra.Command {
	var f mappingFlags
	cmd := &cobra.Command{
		Use: "ls", Short: "List mappings and what became of their records", Long: "Lists mappings and what became of their records.\n\n" + askHelp,
		Example: "  tablecast mappings ls", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := f.body()
			if err != nil {
				return err
			}
			return f.ask(cmd.Context(), cmd.OutOrStdout(), "mappings", in, func(line []byte) error {
				var m struct {
					UUID, Function, State, LastProcessingResult      string
					Delivered, Filtered, Parked, Sent, Skipped, Gaps uint64
				}
				if err := json.Unmarshal(line, &m); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s: %d delivered, %d filtered, %d parked, %d to the destination, %d skipped, %d gaps; %s\n",
					m.UUID, m.Function, m.State, m.Delivered, m.Filtered, m.Parked, m.Sent, m.Skipped, m.Gaps, m.LastProcessingResult)
				return err
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newMappingsParked() *cobra.Command {
	var f mappingFlags
	cmd := &cobra.Command{
		Use: "parked", Short: "List parked changes with why", Long: "Lists parked changes with why, those of one item in their order.\n\n" + askHelp,
		Example: "  tablecast mappings parked --json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := f.body()
			if err != nil {
				return err
			}
			return f.ask(cmd.Context(), cmd.OutOrStdout(), "mappings/parked", in, func(line []byte) error {
				var p struct {
					Function, SequenceNumber, Reason string
					Item                             json.RawMessage
				}
				if err := json.Unmarshal(line, &p); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s: %s\n", p.SequenceNumber, p.Function, p.Item, p.Reason)
				return err
			})
		},
	}
	f.addItem(cmd)
	return cmd
}

// errFailedAgain ends a retry that left something parked. What failed was
// printed.
var errFailedAgain = errors.New("something failed again and stays parked")

func newMappingsSettle(name, short, long string) *cobra.Command {
	var f mappingFlags
	var all bool
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long + "\n\n" + askHelp, Args: noArgs,
		Example: "  tablecast mappings " + name + ` --item '{"id":{"S":"u1"}}'` + "\n  tablecast mappings " + name + " --all",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !all && f.uuid == "" && f.item == "" {
				return usageError{errors.New("name --uuid or --item, or --all")}
			}
			in, err := f.body()
			if err != nil {
				return err
			}
			failed := false
			err = f.ask(cmd.Context(), cmd.OutOrStdout(), "mappings/"+name, in, func(line []byte) error {
				var d struct {
					Function, Failed string
					Item             json.RawMessage
				}
				if err := json.Unmarshal(line, &d); err != nil {
					return err
				}
				if failed = failed || d.Failed != ""; d.Failed == "" {
					d.Failed = "done"
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", d.Function, d.Item, d.Failed)
				return err
			})
			if err == nil && failed {
				return errFailedAgain
			}
			return err
		},
	}
	f.addItem(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all that is parked")
	return cmd
}
