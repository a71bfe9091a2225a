package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/worker"
)

// selectionFlags say which parked changes are meant.
type selectionFlags struct{ table, event, seq, key string }

func (f *selectionFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.table, "table", "", "those of one `TABLE`")
	cmd.Flags().StringVar(&f.event, "event", "", "those that one `EVENT` failed for")
	cmd.Flags().StringVar(&f.seq, "seq", "", "the one of a sequence `NUMBER`")
	cmd.Flags().StringVar(&f.key, "key", "", "those of one item: its key as `JSON`; needs --table")
}

func (f *selectionFlags) selection() (parking.Selection, error) {
	sel := parking.Selection{Table: f.table, Event: f.event}
	if f.seq != "" {
		sel.Seqs = []string{f.seq}
	}
	key, err := keyFlag(f.key)
	if err != nil || key == nil {
		return sel, err
	}
	v, err := item.FromPlainJSON(key)
	if err != nil || v.Kind() != item.MapKind || f.table == "" {
		return sel, usageError{errors.New(`--key needs --table, and the key attributes as JSON, as in --key '{"id": "u1"}'`)}
	}
	sel.Key = v.Map()
	return sel, nil
}

const workerParkedHelp = `It works at the --state table itself, whether workers run or not.

Exit statuses:
  0   ended as asked
  1   failed while running
  2   wrong usage`

func newWorkerParked(f *workerFlags) *cobra.Command {
	var s selectionFlags
	cmd := &cobra.Command{
		Use: "parked", Short: "List changes that workers parked", Long: "Lists parked changes, those of each item in order; --json prints them whole.\n\n" + workerParkedHelp,
		Example: "  tablecast worker parked --source aws --bus aws --table users", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sel, err := s.selection()
			if err != nil {
				return err
			}
			w, _, err := f.open(cmd.Context(), f.logger(cmd.ErrOrStderr()), worker.Options{})
			if err != nil {
				return err
			}
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetEscapeHTML(false)
			var failed error
			err = w.Parked(cmd.Context(), sel, func(p *parking.Record) bool {
				switch {
				case f.json:
					failed = out.Encode(p)
				default:
					_, failed = fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s %s: %s\n", p.Seq, p.Table, p.Op, p.Keys, p.Error)
				}
				return failed == nil
			})
			return errors.Join(err, failed)
		},
	}
	s.add(cmd)
	return cmd
}

func newWorkerRedrive(f *workerFlags) *cobra.Command {
	var s selectionFlags
	cmd := &cobra.Command{
		Use: "redrive", Short: "Raise the events of changes that workers parked",
		Long: `Maps parked changes again by tablecast.yaml as it is now, and publishes their
events, each item's in order. A change that fails again stays, and those behind it.

` + workerParkedHelp,
		Example: "  tablecast worker redrive --source aws --bus aws --event UserCreated", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sel, err := s.selection()
			if err != nil {
				return err
			}
			w, _, err := f.open(cmd.Context(), f.logger(cmd.ErrOrStderr()), worker.Options{})
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return w.Redrive(cmd.Context(), sel, func(table string, r parking.Redriven) {
				if f.json {
					json.NewEncoder(out).Encode(struct {
						Table string `json:"table"`
						parking.Redriven
					}{table, r})
					return
				}
				fmt.Fprintf(out, "%s: %d changes raised %d events, %d failed again, %d wait behind others\n", table, r.Records, r.Events, r.Failed, r.Waiting)
			})
		},
	}
	s.add(cmd)
	return cmd
}

func newWorkerDrop(f *workerFlags) *cobra.Command {
	var s selectionFlags
	var all bool
	cmd := &cobra.Command{
		Use: "drop", Short: "Give up changes that workers parked",
		Long: `Gives up parked changes: they will raise no event. What only waited behind them is
raised. It must be said which, or --all.

` + workerParkedHelp,
		Example: `  tablecast worker drop --source aws --bus aws --seq 100000000000000000042`, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sel, err := s.selection()
			if err != nil {
				return err
			}
			if !all && sel.IsZero() {
				return usageError{errors.New("name --event, --seq or --key, or --all")}
			}
			w, _, err := f.open(cmd.Context(), f.logger(cmd.ErrOrStderr()), worker.Options{})
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return w.Drop(cmd.Context(), sel, func(table string, dropped int) {
				if f.json {
					json.NewEncoder(out).Encode(map[string]any{"table": table, "dropped": dropped})
					return
				}
				fmt.Fprintf(out, "%s: %d dropped\n", table, dropped)
			})
		},
	}
	s.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all that are parked")
	return cmd
}
