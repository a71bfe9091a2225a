package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

func newEvents() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Watch events, or look at one and at what became of it",
		Long:  "Watches the events that buses accept, or looks at one of them.",
		Example: `  tablecast events tail --bus main
  tablecast events get 6b0e7a34-5ad3-4f2c-9b71-0d5c86c1b1f2`,
	}
	cmd.AddCommand(newEventsTail(), newEventsGet())
	return cmd
}

func newEventsTail() *cobra.Command {
	var f nodeFlags
	var in struct {
		Bus     string `json:"bus"`
		Pattern string `json:"pattern"`
	}
	cmd := &cobra.Command{
		Use: "tail", Short: "Print events as buses accept them",
		Long: "Prints each event that is accepted from now on, with the rules that it matches,\nuntil it is interrupted.\n\n" + askHelp,
		Example: `  tablecast events tail
  tablecast events tail --bus main --pattern '{"source": ["myapp.users"]}'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			err := f.ask(cmd.Context(), out, "events/tail", in, func(line []byte) error {
				var x struct {
					Bus    string
					Time   time.Time
					Rules  []string
					Event  jsontext.Value
					Missed int
				}
				if err := readJSON(line, &x); err != nil {
					return err
				}
				if x.Missed > 0 {
					fmt.Fprintf(out, "… %d events came too fast to be shown\n", x.Missed)
					return nil
				}
				to := "no rule matches"
				if len(x.Rules) > 0 {
					to = "to " + strings.Join(x.Rules, ", ")
				}
				_, err := fmt.Fprintf(out, "%s %s %s; %s\n", x.Time.Format(time.RFC3339), x.Bus, x.Event, to)
				return err
			})
			if cmd.Context().Err() != nil {
				return nil // it was interrupted, as it should be
			}
			if err == nil {
				err = errors.New("the node ended the answer: it stopped, or the key was revoked or is expired")
			}
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&in.Bus, "bus", "", "of one `BUS`")
	cmd.Flags().StringVar(&in.Pattern, "pattern", "", "those that an event `PATTERN` matches")
	return cmd
}

func newEventsGet() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use: "get ID", Short: "Print an event, what each rule makes of it, and its deliveries",
		Long: `Prints an event that a bus still holds; for each rule of the bus whether it matches,
and if not, why; for each target where the event is, and the attempts that are
remembered.

` + askHelp,
		Example: "  tablecast events get 6b0e7a34-5ad3-4f2c-9b71-0d5c86c1b1f2", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.story(cmd.Context(), cmd.OutOrStdout(), args[0], "")
		},
	}
	f.add(cmd)
	return cmd
}

// story prints an event and what became of it: by a rule, or by all if rule is
// empty.
func (f *nodeFlags) story(ctx context.Context, out io.Writer, id, rule string) error {
	return f.ask(ctx, out, "events/get", map[string]string{"id": id, "rule": rule}, func(line []byte) error {
		var x storyLine
		if err := readJSON(line, &x); err != nil {
			return err
		}
		_, err := fmt.Fprint(out, x.text())
		return err
	})
}

// A storyLine is an event as the node answers it.
type storyLine struct {
	Bus   string
	Event jsontext.Value
	Cause *struct {
		Definition, Table, SequenceNumber string
		Change                            *struct {
			Op       string
			Time     time.Time
			Old, New jsontext.Value
		}
	}
	Rules []struct {
		Rule              string
		Matches, Disabled bool
		Misses            []struct {
			Path   string
			Wanted []string
			Found  []struct{ Pointer, Value string }
		}
		Targets []struct {
			Target, ARN, State string
			Failed             int
			Due                string
			Attempts           []struct {
				Number                 int
				Start                  time.Time
				Millis                 float64
				Outcome, Status, Error string
			}
		}
	}
}

func orNone(v jsontext.Value) string {
	if v == nil {
		return "·"
	}
	return string(v)
}

// text writes what became of the event.
func (x *storyLine) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", x.Bus, x.Event)
	if c := x.Cause; c != nil {
		fmt.Fprintf(&b, "  raised by %s from %s %s\n", c.Definition, c.Table, c.SequenceNumber)
		if c.Change != nil {
			fmt.Fprintf(&b, "    %s %s\n      old %s\n      new %s\n", c.Change.Time.Format(time.RFC3339), c.Change.Op, orNone(c.Change.Old), orNone(c.Change.New))
		}
	}
	for _, r := range x.Rules {
		switch {
		case r.Disabled:
			fmt.Fprintf(&b, "  rule %s is disabled\n", r.Rule)
		case r.Matches:
			fmt.Fprintf(&b, "  rule %s matches\n", r.Rule)
		default:
			fmt.Fprintf(&b, "  rule %s does not match\n", r.Rule)
		}
		for _, m := range r.Misses {
			found := "nothing is there"
			if len(m.Found) > 0 {
				found = "found " + m.Found[0].Value + " at " + m.Found[0].Pointer
			}
			fmt.Fprintf(&b, "    %s: wanted %s; %s\n", m.Path, strings.Join(m.Wanted, " or "), found)
		}
		for _, t := range r.Targets {
			fmt.Fprintf(&b, "    target %s (%s): %s\n", t.Target, t.ARN, t.State)
			for _, a := range t.Attempts {
				fmt.Fprintf(&b, "      attempt %d %s took %.1f ms: %s %s\n", a.Number, a.Start.Format(time.RFC3339Nano), a.Millis, a.Outcome, a.Status+a.Error)
			}
		}
	}
	return b.String()
}
