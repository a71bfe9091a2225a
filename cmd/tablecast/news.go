package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newsLine is a bus, rule or target as the node answers it.
type newsLine struct {
	Bus, Rule, Target, ARN, Pattern, LastError         string
	Disabled                                           bool
	FailuresInARow                                     int
	PausedUntil                                        string
	Rules, Targets                                     int
	Matched, Delivered, DeadLettered, Dropped, Pending uint64
}

// newNews returns the command that lists buses, rules or targets.
func newNews(what, each string, describe func(*newsLine) string) *cobra.Command {
	parent := &cobra.Command{
		Use: what, Short: "List " + what + " with live counters",
		Long:    "Lists " + what + ".",
		Example: "  tablecast " + what + " ls\n  tablecast " + what + " ls --bus main --json",
	}
	var f nodeFlags
	var in struct {
		Bus string `json:"bus"`
	}
	ls := &cobra.Command{
		Use: "ls", Short: "List " + what + " with live counters",
		Long: "Lists each " + each + ` with its counters. At every moment the matched events are
those that were delivered, dead-lettered or dropped, and those that are pending.

` + askHelp,
		Example: "  tablecast " + what + " ls\n  tablecast " + what + " ls --bus main --json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			return f.ask(cmd.Context(), out, what, in, func(line []byte) error {
				var x newsLine
				if err := readJSON(line, &x); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "%s: %d matched = %d delivered + %d dead-lettered + %d dropped + %d pending%s\n",
					strings.TrimRight(x.Bus+"/"+x.Rule+"/"+x.Target, "/"), x.Matched, x.Delivered, x.DeadLettered, x.Dropped, x.Pending, describe(&x))
				return err
			})
		},
	}
	f.add(ls)
	ls.Flags().StringVar(&in.Bus, "bus", "", "of one `BUS`")
	parent.AddCommand(ls)
	return parent
}

func newBuses() *cobra.Command {
	return newNews("buses", "bus", func(x *newsLine) string { return fmt.Sprintf("; %d rules", x.Rules) })
}

func newRules() *cobra.Command {
	return newNews("rules", "rule", func(x *newsLine) string {
		if x.Disabled {
			return "; disabled"
		}
		return fmt.Sprintf("; %d targets", x.Targets)
	})
}

func newTargets() *cobra.Command {
	return newNews("targets", "target of a rule", func(x *newsLine) string {
		switch {
		case x.PausedUntil != "":
			return fmt.Sprintf("; %s; paused until %s after %d failures: %s", x.ARN, x.PausedUntil, x.FailuresInARow, x.LastError)
		case x.FailuresInARow > 0:
			return fmt.Sprintf("; %s; failed %d times in a row: %s", x.ARN, x.FailuresInARow, x.LastError)
		}
		return "; " + x.ARN
	})
}
