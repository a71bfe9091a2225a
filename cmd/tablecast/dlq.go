package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// deadFlags are the flags that select dead letters.
type deadFlags struct {
	nodeFlags
	in struct {
		Bus    string `json:"bus"`
		Rule   string `json:"rule"`
		Target string `json:"target"`
		Event  string `json:"event"`
		Code   string `json:"code"`
		Text   string `json:"text"`
		Since  string `json:"since,omitempty"`
		Until  string `json:"until,omitempty"`
		Limit  int    `json:"limit"`
	}
}

func (f *deadFlags) add(cmd *cobra.Command) {
	f.nodeFlags.add(cmd)
	cmd.Flags().StringVar(&f.in.Bus, "bus", "", "those of one `BUS`")
	cmd.Flags().StringVar(&f.in.Rule, "rule", "", "those of one `RULE`")
	cmd.Flags().StringVar(&f.in.Target, "target", "", "those of one `TARGET`")
	cmd.Flags().StringVar(&f.in.Event, "event", "", "those of the event of an `ID`")
	cmd.Flags().StringVar(&f.in.Code, "code", "", "those whose last failure has a `CODE`")
	cmd.Flags().StringVar(&f.in.Text, "text", "", "those whose last failure says `TEXT`")
	cmd.Flags().StringVar(&f.in.Since, "since", "", "those given up at or after a `TIME`, as in 2026-11-23T20:00:00Z")
	cmd.Flags().StringVar(&f.in.Until, "until", "", "those given up before a `TIME`")
}

// check returns what is wrong with the times.
func (f *deadFlags) check() error {
	for _, at := range []string{f.in.Since, f.in.Until} {
		if at == "" {
			continue
		}
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return usageError{fmt.Errorf("%s is no time: write it as in 2026-11-23T20:00:00Z", at)}
		}
	}
	return nil
}

// narrow reports whether any filter is set.
func (f *deadFlags) narrow() bool {
	in := f.in
	in.Limit = 0
	return in != (deadFlags{}).in
}

func newDLQ() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at events that could not be delivered, and deliver or drop them",
		Long: `An event that a target refuses for good, or that outlives the retries and the age
that its rule allows, becomes a dead letter: it is kept whole, with the reason and
the attempts. tablecast dlq redrive delivers dead letters again after a fix.`,
		Example: `  tablecast dlq ls
  tablecast dlq show --event 6b0e7a34-5ad3-4f2c-9b71-0d5c86c1b1f2
  tablecast dlq redrive --rule welcome-email
  tablecast dlq drop --code NO_RESOURCE`,
	}
	cmd.AddCommand(newDLQList(), newDLQShow(), newDLQRedrive(), newDLQDrop())
	return cmd
}

// A deadLine is a dead letter as the node answers it.
type deadLine struct {
	Bus, Rule, Target, EventID string
	First, Last                time.Time
	Attempts                   int
	Attributes                 map[string]string
	History                    []struct {
		Start     time.Time
		Millis    int64
		Code, Msg string
	}
	Event jsontext.Value
}

func newDLQList() *cobra.Command {
	var f deadFlags
	cmd := &cobra.Command{
		Use: "ls", Short: "List dead letters", Long: "Lists dead letters by bus, rule and target, the oldest first.\n\n" + askHelp,
		Example: "  tablecast dlq ls --rule welcome-email --code TIMEOUT", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.list(cmd, func(out io.Writer, d *deadLine) {
				fmt.Fprintf(out, "%s %s/%s/%s %s after %d attempts, %s: %s\n", d.Last.UTC().Format(time.RFC3339), d.Bus, d.Rule, d.Target,
					d.EventID, d.Attempts, d.Attributes["ERROR_CODE"], d.Attributes["ERROR_MESSAGE"])
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.in.Limit, "limit", 0, "at most `N`")
	return cmd
}

func newDLQShow() *cobra.Command {
	var f deadFlags
	cmd := &cobra.Command{
		Use: "show", Short: "Print dead letters whole", Long: "Prints dead letters with their attempts and events.\n\n" + askHelp,
		Example: "  tablecast dlq show --event 6b0e7a34-5ad3-4f2c-9b71-0d5c86c1b1f2", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.list(cmd, func(out io.Writer, d *deadLine) {
				fmt.Fprintf(out, "%s/%s/%s event %s\n", d.Bus, d.Rule, d.Target, d.EventID)
				for _, name := range []string{"RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS"} {
					if v, ok := d.Attributes[name]; ok {
						fmt.Fprintf(out, "  %s %s\n", name, v)
					}
				}
				for _, h := range d.History {
					fmt.Fprintf(out, "  tried %s for %d ms: %s %s\n", h.Start.UTC().Format(time.RFC3339), h.Millis, h.Code, h.Msg)
				}
				fmt.Fprintf(out, "  %s\n", d.Event)
			})
		},
	}
	f.add(cmd)
	return cmd
}

// list prints the dead letters that the flags select.
func (f *deadFlags) list(cmd *cobra.Command, show func(io.Writer, *deadLine)) error {
	if err := f.check(); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	return f.ask(cmd.Context(), out, "dead-letters", f.in, func(line []byte) error {
		var d deadLine
		if err := readJSON(line, &d); err != nil {
			return err
		}
		show(out, &d)
		return nil
	})
}

func newDLQRedrive() *cobra.Command {
	var f deadFlags
	cmd := &cobra.Command{
		Use: "redrive", Short: "Deliver dead letters again",
		Long: `Makes dead letters pending again, with all attempts and all time before them. One
that fails again is a dead letter again. If this is interrupted, ask again: what is
done stays done. Dead letters whose target was removed, and those whose event was
missing, stay.

` + askHelp,
		Example: "  tablecast dlq redrive\n  tablecast dlq redrive --rule welcome-email --since 2026-11-23T20:00:00Z", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return f.ask(cmd.Context(), out, "dead-letters/redrive", f.in, func(line []byte) error {
				var d struct{ Events, Homeless, Empty int }
				if err := readJSON(line, &d); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "%d events are pending again, %d stay without a target, %d without an event\n", d.Events, d.Homeless, d.Empty)
				return err
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newDLQDrop() *cobra.Command {
	var f deadFlags
	var all bool
	cmd := &cobra.Command{
		Use: "drop", Short: "Give up dead letters",
		Long:    "Removes the dead letters that the flags select, or --all, and counts them as dropped.\n\n" + askHelp,
		Example: "  tablecast dlq drop --rule welcome-email\n  tablecast dlq drop --all", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !all && !f.narrow() {
				return usageError{errors.New("name --bus, --rule, --target, --event, --code, --text, --since or --until, or --all")}
			}
			if err := f.check(); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return f.ask(cmd.Context(), out, "dead-letters/drop", f.in, func(line []byte) error {
				var d struct{ Dropped int }
				if err := readJSON(line, &d); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "%d dropped\n", d.Dropped)
				return err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all dead letters")
	return cmd
}
