package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/worker"
)

// parkedFlags say which parked records are meant, and whose: a running node's, or
// those in the state table of workers.
type parkedFlags struct {
	workerFlags
	node                       nodeFlags
	workers, all, original     bool
	table, event, mapping, key string
	since, before              string
	seqs                       []string
}

func (f *parkedFlags) add(cmd *cobra.Command) {
	f.workerFlags.add(cmd)
	flags := cmd.PersistentFlags()
	flags.BoolVar(&f.workers, "worker", false, "those that workers parked, in their --state table, whether workers run or not")
	flags.StringVar(&f.node.url, "url", "", "`URL` of the running node (default: AWS_ENDPOINT_URL, or "+defaultURL+")")
	flags.StringVar(&f.table, "table", "", "those of one `TABLE`")
	flags.StringVar(&f.event, "event", "", "those that one `EVENT` failed for")
	flags.StringVar(&f.mapping, "mapping", "", "those of one event source mapping, by its `ID` or the name of its function")
	flags.StringVar(&f.key, "key", "", "those of one item: its key as `JSON`, plain or DynamoDB's")
	flags.StringSliceVar(&f.seqs, "seq", nil, "those of sequence `NUMBERS`, with commas between them")
	flags.StringVar(&f.since, "since", "", "those parked within the last `AGE`, as in 7d or 12h")
	flags.StringVar(&f.before, "before", "", "those parked longer than `AGE` ago")
}

// check finds flags that do not go together.
func (f *parkedFlags) check(cmd *cobra.Command) error {
	f.node.json, f.node.client = f.json, f.client
	others := []string{"config", "source", "bus", "group", "state", "region"}
	if f.workers {
		others = []string{"url", "mapping", "original"}
	}
	for _, name := range others {
		switch flag := cmd.Flags().Lookup(name); {
		case flag == nil || !flag.Changed:
		case f.workers:
			return usageError{fmt.Errorf("--%s does not go with --worker", name)}
		default:
			return usageError{fmt.Errorf("--%s is about workers: add --worker", name)}
		}
	}
	return nil
}

// selection returns what the flags mean.
func (f *parkedFlags) selection() (parking.Selection, error) {
	sel := parking.Selection{Table: f.table, Event: f.event, Mapping: f.mapping, Seqs: f.seqs}
	key, err := keyFlag(f.key)
	if err != nil {
		return sel, err
	}
	if key != nil {
		if sel.Key, err = item.ParseKey(key); err != nil {
			return sel, usageError{fmt.Errorf("--key: %w", err)}
		}
	}
	now := time.Now()
	for _, bound := range []struct {
		flag, age string
		at        *time.Time
	}{{"--since", f.since, &sel.Since}, {"--before", f.before, &sel.Before}} {
		if *bound.at, err = sinceTime(bound.flag, bound.age, now); err != nil {
			return sel, usageError{err}
		}
	}
	return sel, nil
}

// request returns a selection as the node takes it.
func (f *parkedFlags) request(sel parking.Selection) any {
	var key jsontext.Value
	if sel.Key != nil {
		key = item.AppendJSON(nil, sel.Key)
	}
	return struct {
		Table    string         `json:"table"`
		Event    string         `json:"event"`
		Mapping  string         `json:"mapping"`
		Key      jsontext.Value `json:"key,omitzero"`
		Seqs     []string       `json:"sequenceNumbers"`
		Since    time.Time      `json:"since"`
		Before   time.Time      `json:"before"`
		Original bool           `json:"original"`
	}{sel.Table, sel.Event, sel.Mapping, key, sel.Seqs, sel.Since, sel.Before, f.original}
}

// worker returns the worker whose state table is meant.
func (f *parkedFlags) worker(cmd *cobra.Command) (*worker.Worker, error) {
	w, _, err := f.open(cmd.Context(), f.logger(cmd.ErrOrStderr()), worker.Options{})
	return w, err
}

const parkedHelp = `Flags choose which parked changes are meant; all that are given must hold. A
selection that names what does not exist, or that no parked change has, is an error.
With --worker the command works at the state table of workers, with the same --config,
--source, --bus, --group and --state as they.

` + signHelp + `

Exit statuses:
  0   ended as asked
  1   failed while running, nothing is meant, or something failed again
  2   wrong usage
  3   the server refuses the credentials, or does not let their key do this`

func newParked() *cobra.Command {
	var f parkedFlags
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "Look at changes that are set aside because something failed",
		Long: `A change that cannot be mapped, or whose event its bus refuses, is parked with all
of its content and the reason, and so is one that a function which a stream feeds
fails on; later changes of the same item wait behind it, all others go on. After a
fix, redrive raises the events of parked changes, and hands to functions again what
they failed on. What workers park is in their state table: see --worker.`,
		Example: `  tablecast parked ls
  tablecast parked show --seq 100000000000000000042
  tablecast parked redrive --table users --event UserCreated
  tablecast parked redrive --mapping hear --original
  tablecast parked drop --table users --key '{"id":"u1"}'
  tablecast parked ls --worker --source aws --bus aws`,
	}
	f.add(cmd)
	cmd.AddCommand(newParkedList(&f, "ls", "List parked changes", false), newParkedList(&f, "show", "Print parked changes whole", true), newParkedRedrive(&f), newParkedDrop(&f))
	return cmd
}

func newParkedList(f *parkedFlags, name, short string, whole bool) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Long: short + ", those of each item in their order; --json prints all there is of each.\n\n" + parkedHelp,
		Example: "  tablecast parked " + name + " --table users\n  tablecast parked " + name + " --worker", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(sel parking.Selection) error { return f.list(cmd, sel, whole) })
		},
	}
}

// run calls fn for what the flags mean.
func (f *parkedFlags) run(cmd *cobra.Command, fn func(parking.Selection) error) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	sel, err := f.selection()
	if err != nil {
		return err
	}
	return fn(sel)
}

func (f *parkedFlags) list(cmd *cobra.Command, sel parking.Selection, whole bool) error {
	out := cmd.OutOrStdout()
	if !f.workers {
		return f.node.ask(cmd.Context(), out, "parked", f.request(sel), func(line []byte) error {
			var p parking.Record
			if err := json.Unmarshal(line, &p); err != nil {
				return err
			}
			return printParked(out, &p, whole)
		})
	}
	w, err := f.worker(cmd)
	if err != nil {
		return err
	}
	var failed error
	err = w.Parked(cmd.Context(), sel, func(p *parking.Record) bool {
		if f.json {
			failed = writeJSON(out, p)
		} else {
			failed = printParked(out, p, whole)
		}
		return failed == nil
	})
	return errors.Join(err, failed)
}

func printParked(out io.Writer, p *parking.Record, whole bool) error {
	of := ""
	if p.Function != "" {
		of = "function " + p.Function + ": "
	}
	_, err := fmt.Fprintf(out, "%s %s %s %s: %s%s\n", p.Seq, p.Table, p.Op, p.Keys, of, p.Error)
	if err != nil || !whole {
		return err
	}
	by := ""
	if p.Version != "" {
		by = " by version " + p.Version
	}
	_, err = fmt.Fprintf(out, "  parked at %s%s, redriven %d times\n  old %s\n  new %s\n", p.At.Format(time.RFC3339), by, p.Tries, p.Old, p.New)
	return err
}

// errFailedAgain ends a redrive that left something parked, which was printed.
var errFailedAgain = errors.New("something failed again and stays parked")

// redriven is a line of what became of the parked records of a table or a mapping.
type redriven struct {
	Table    string `json:"table"`
	Mapping  string `json:"mapping,omitzero"` // UUID
	Function string `json:"function,omitzero"`
	parking.Redriven
}

func newParkedRedrive(f *parkedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "Raise the events of parked changes, or hand them to their functions, after a fix",
		Long: `Maps parked changes again, each item's in their order, and raises their events; and
hands those that a function failed on to it again, by the settings of its mapping as
they are now. A change that fails again stays, and those behind it. With --original
changes are mapped by the version of the file that parked them, and handed to the
function that failed on them, if their mapping has another by now. Workers keep no
earlier versions: give them the file with --config.

` + parkedHelp,
		Example: `  tablecast parked redrive
  tablecast parked redrive --table users --event UserCreated
  tablecast parked redrive --mapping hear
  tablecast parked redrive --worker --event UserCreated`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(sel parking.Selection) error { return f.redrive(cmd, sel) })
		},
	}
	cmd.Flags().BoolVar(&f.original, "original", false, "by the version of the mapping that parked each")
	return cmd
}

func (f *parkedFlags) redrive(cmd *cobra.Command, sel parking.Selection) error {
	out, failed := cmd.OutOrStdout(), false
	err := f.redriveAll(cmd, sel, func(d redriven) error {
		failed = failed || d.Failed > 0
		if f.json {
			return writeJSON(out, d)
		}
		return printRedriven(out, d)
	})
	if err == nil && failed {
		return errFailedAgain
	}
	return err
}

func printRedriven(out io.Writer, d redriven) error {
	var err error
	switch {
	case d.Redriven == (parking.Redriven{}):
	case d.Function != "":
		_, err = fmt.Fprintf(out, "function %s: %d changes taken, %d failed again, %d wait behind others\n", d.Function, d.Records, d.Failed, d.Waiting)
	default:
		_, err = fmt.Fprintf(out, "%s: %d changes raised %d events, %d failed again, %d wait behind others\n", d.Table, d.Records, d.Events, d.Failed, d.Waiting)
	}
	return err
}

// redriveAll redrives and calls tell with what becomes of each table and mapping.
func (f *parkedFlags) redriveAll(cmd *cobra.Command, sel parking.Selection, tell func(redriven) error) error {
	if !f.workers {
		node := nodeFlags{url: f.node.url, client: f.client}
		return node.ask(cmd.Context(), cmd.OutOrStdout(), "parked/redrive", f.request(sel), func(line []byte) error {
			var d redriven
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			return tell(d)
		})
	}
	w, err := f.worker(cmd)
	if err != nil {
		return err
	}
	var failed error
	err = w.Redrive(cmd.Context(), sel, func(table string, r parking.Redriven) {
		failed = errors.Join(failed, tell(redriven{Table: table, Redriven: r}))
	})
	return errors.Join(err, failed)
}

func newParkedDrop(f *parkedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drop",
		Short: "Give up parked changes",
		Long: `Gives up parked changes: they will raise no event, and no function will see them.
What only waited behind them is raised, or handed over. It must be said which, or
--all.

` + parkedHelp,
		Example: `  tablecast parked drop --seq 100000000000000000042
  tablecast parked drop --all --table users
  tablecast parked drop --mapping hear --before 7d`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(sel parking.Selection) error {
				within := sel
				if within.Table = ""; within.IsZero() && !f.all {
					return usageError{errors.New("name --event, --mapping, --seq, --key, --since or --before, or --all")}
				}
				return f.drop(cmd, sel)
			})
		},
	}
	cmd.Flags().BoolVar(&f.all, "all", false, "all that are parked")
	return cmd
}

func (f *parkedFlags) drop(cmd *cobra.Command, sel parking.Selection) error {
	out := cmd.OutOrStdout()
	tell := func(name string, dropped int) error {
		_, err := fmt.Fprintf(out, "%s: %d dropped\n", name, dropped)
		return err
	}
	if !f.workers {
		return f.node.ask(cmd.Context(), out, "parked/drop", f.request(sel), func(line []byte) error {
			var d struct {
				Table, Function string
				Dropped         int
			}
			if err := readJSON(line, &d); err != nil {
				return err
			}
			if d.Function != "" {
				return tell("function "+d.Function, d.Dropped)
			}
			return tell(d.Table, d.Dropped)
		})
	}
	w, err := f.worker(cmd)
	if err != nil {
		return err
	}
	var failed error
	err = w.Drop(cmd.Context(), sel, func(table string, dropped int) {
		switch {
		case dropped == 0:
		case f.json:
			failed = errors.Join(failed, writeJSON(out, map[string]any{"table": table, "dropped": dropped}))
		default:
			failed = errors.Join(failed, tell(table, dropped))
		}
	})
	return errors.Join(err, failed)
}
