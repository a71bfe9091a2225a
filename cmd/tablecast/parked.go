package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// parkedFlags say which parked records are meant.
type parkedFlags struct {
	nodeFlags
	table, event, seq, key string
}

func (f *parkedFlags) add(cmd *cobra.Command) {
	f.nodeFlags.add(cmd)
	cmd.Flags().StringVar(&f.table, "table", "", "those of one `TABLE`")
	cmd.Flags().StringVar(&f.event, "event", "", "those that one `EVENT` failed for")
	cmd.Flags().StringVar(&f.seq, "seq", "", "the one of a sequence `NUMBER`")
	cmd.Flags().StringVar(&f.key, "key", "", "those of one item: its key as `JSON`")
}

func (f *parkedFlags) body(original bool) (map[string]any, error) {
	key, err := keyFlag(f.key)
	in := map[string]any{"table": f.table, "definition": f.event, "seq": f.seq, "original": original}
	if key != nil {
		in["key"] = key
	}
	return in, err
}

func newParked() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "Look at changes that are set aside because something failed",
		Long: `A change that cannot be mapped, or whose event its bus refuses, is parked with all
of its content and the reason, and so is one that a function which a stream feeds
fails on; later changes of the same item wait behind it, all others go on. After a
fix, tablecast redrive raises the events of parked changes, and tablecast mappings
retry hands them to their functions again.`,
		Example: `  tablecast parked ls
  tablecast parked show --seq 100000000000000000042
  tablecast parked drop --table users --key '{"id": "u1"}'`,
	}
	cmd.AddCommand(newParkedList("ls", "List parked changes", false), newParkedList("show", "Print parked changes whole", true), newParkedDrop())
	return cmd
}

func newParkedList(name, short string, whole bool) *cobra.Command {
	var f parkedFlags
	cmd := &cobra.Command{
		Use: name, Short: short, Long: short + ", oldest first.\n\n" + askHelp, Example: "  tablecast parked " + name + " --table users", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := f.body(false)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			err = f.ask(cmd.Context(), out, "parked", in, func(line []byte) error {
				var p struct {
					Table, SequenceNumber, Op, Error, ParkedAt, Version string
					Tries                                               int
					Keys, New, Old                                      json.RawMessage
				}
				if err := json.Unmarshal(line, &p); err != nil {
					return err
				}
				fmt.Fprintf(out, "%s %s %s %s: %s\n", p.SequenceNumber, p.Table, p.Op, p.Keys, p.Error)
				if whole {
					fmt.Fprintf(out, "  parked at %s by version %s, redriven %d times\n  old %s\n  new %s\n", p.ParkedAt, p.Version, p.Tries, p.Old, p.New)
				}
				return nil
			})
			if err != nil || f.event != "" {
				return err
			}
			delete(in, "definition")
			delete(in, "original")
			return f.ask(cmd.Context(), out, "mappings/parked", in, func(line []byte) error {
				var p struct {
					SequenceNumber, Function, Reason, ParkedAt string
					Item, Record                               json.RawMessage
				}
				if err := json.Unmarshal(line, &p); err != nil {
					return err
				}
				fmt.Fprintf(out, "%s function %s %s: %s\n", p.SequenceNumber, p.Function, p.Item, p.Reason)
				if whole {
					fmt.Fprintf(out, "  parked at %s\n  %s\n", p.ParkedAt, p.Record)
				}
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newParkedDrop() *cobra.Command {
	var f parkedFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "drop",
		Short: "Give up parked changes",
		Long: `Gives up parked changes: they will raise no event. What only waited behind them is
raised. It must be said which, or --all. For what a function failed on, see
tablecast mappings drop.

` + askHelp,
		Example: `  tablecast parked drop --seq 100000000000000000042
  tablecast parked drop --all --table users`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !all && f.event == "" && f.seq == "" && f.key == "" {
				return usageError{errors.New("name --event, --seq or --key, or --all")}
			}
			in, err := f.body(false)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return f.ask(cmd.Context(), out, "drop", in, func(line []byte) error {
				var d struct {
					Table   string
					Dropped int
				}
				if err := json.Unmarshal(line, &d); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "%s: %d dropped\n", d.Table, d.Dropped)
				return err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all that are parked")
	return cmd
}

func newRedrive() *cobra.Command {
	var f parkedFlags
	var mapping string
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "Raise the events of parked changes after a fix",
		Long: `Has a running node map parked changes again, each item's in their order, with the
mapping in effect or the one that parked them. A change that fails again stays,
and those behind it.

` + askHelp,
		Example: `  tablecast redrive
  tablecast redrive --table users --event UserCreated
  tablecast redrive --mapping original`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if mapping != "current" && mapping != "original" {
				return usageError{fmt.Errorf("--mapping is %s; write current or original", mapping)}
			}
			in, err := f.body(mapping == "original")
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return f.ask(cmd.Context(), out, "redrive", in, func(line []byte) error {
				var d struct {
					Table                            string
					Records, Events, Failed, Waiting int
				}
				if err := json.Unmarshal(line, &d); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "%s: %d changes raised %d events, %d failed again, %d wait behind others\n", d.Table, d.Records, d.Events, d.Failed, d.Waiting)
				return err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&mapping, "mapping", "current", "`WHICH` mapping: current or original")
	return cmd
}
