package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// A changeLine is a change record as the node answers it.
type changeLine struct {
	Table, SequenceNumber, Op, Time string
	Keys, Old, New                  jsontext.Value
}

// An eventLine is an event that a change raised, as the node answers it.
type eventLine struct {
	Definition, ID, Bus, Source, DetailType string
	Detail                                  jsontext.Value
}

func newExplain() *cobra.Command {
	var f nodeFlags
	var table, key, seq, event string
	cmd := &cobra.Command{
		Use:   "explain [RULE EVENT-ID]",
		Short: "Show which events a change raises, or why a rule matches an event or not",
		Long: `Asks a running node for changes that its streams still have, and prints for each
what every definition makes of it: the events, the first guard that does not
hold with what was wanted and what was there, or the error that parks it. With
--event it goes back from the id of an event to the change that raised it. If no
stream has such a change any more, that is an error.

With a rule and the id of an event that a bus still holds, it prints each field
that keeps the event from matching, what was wanted and what was there; and if
the event matches, where it is for each target of the rule.

` + askHelp,
		Example: `  tablecast explain --table users --key '{"id": "u1"}'
  tablecast explain --table users --seq 100000000000000000042
  tablecast explain --event 6f1c6b4e-1f2d-8c3a-9b7e-0d5f4a3c2b1a
  tablecast explain welcome-email 6f1c6b4e-1f2d-8c3a-9b7e-0d5f4a3c2b1a`,
		Args: changeOrRule,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return f.story(cmd.Context(), cmd.OutOrStdout(), args[1], args[0])
			}
			if event == "" && (table == "" || seq == "" && key == "") {
				return usageError{errors.New("name --table and --key or --seq, or --event")}
			}
			keys, err := keyFlag(key)
			if err != nil {
				return err
			}
			in := map[string]any{"table": table, "seq": seq, "event": event}
			if keys != nil {
				in["key"] = keys
			}
			return f.ask(cmd.Context(), cmd.OutOrStdout(), "explain", in, func(line []byte) error {
				return printExplanation(cmd.OutOrStdout(), line)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&table, "table", "", "`TABLE` of the change")
	cmd.Flags().StringVar(&key, "key", "", "key of the item, as `JSON`")
	cmd.Flags().StringVar(&seq, "seq", "", "sequence `NUMBER` of the change")
	cmd.Flags().StringVar(&event, "event", "", "`ID` of an event")
	return cmd
}

// changeOrRule takes a rule and the id of an event, or no arguments: flags
// select a change, and do not go with a rule.
func changeOrRule(cmd *cobra.Command, args []string) error {
	switch flags := cmd.Flags(); {
	case len(args) != 0 && len(args) != 2:
		return usageError{errors.New("name RULE and EVENT-ID, or a change by flags")}
	case len(args) == 2 && (flags.Changed("table") || flags.Changed("key") || flags.Changed("seq") || flags.Changed("event")):
		return usageError{errors.New("name RULE and EVENT-ID, or a change by flags, not both")}
	}
	return nil
}

func printExplanation(out io.Writer, line []byte) error {
	var e struct {
		Change   changeLine
		Verdicts []struct {
			Definition, Guard, Reason, Error string
			Raised                           []eventLine
		}
	}
	if err := readJSON(line, &e); err != nil {
		return err
	}
	c := e.Change
	fmt.Fprintf(out, "%s of %s %s at %s, sequence number %s\n", c.Op, c.Table, c.Keys, c.Time, c.SequenceNumber)
	for _, v := range e.Verdicts {
		switch {
		case v.Error != "":
			fmt.Fprintf(out, "  %s: FAILS: %s\n", v.Definition, v.Error)
		case v.Guard != "":
			fmt.Fprintf(out, "  %s: not raised: %s: %s\n", v.Definition, v.Guard, v.Reason)
		case len(v.Raised) == 0:
			fmt.Fprintf(out, "  %s: raises nothing: each has no elements\n", v.Definition)
		}
		for _, r := range v.Raised {
			fmt.Fprintf(out, "  %s: raises %s %s %s %s\n", v.Definition, r.ID, r.Source, r.DetailType, r.Detail)
		}
	}
	return nil
}
