package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newDryRun() *cobra.Command {
	var f nodeFlags
	var path, since string
	var alone bool
	cmd := &cobra.Command{
		Use:   "dry-run",
		Short: "Show what tablecast.yaml would make of past changes",
		Long: `Runs the mapping of the configuration file over the changes that a running node's
streams still have, next to the one in effect, and prints the events that would
appear (+), vanish (-) or differ (~), and the changes that would be parked or no
longer be (!). With --alone it prints every event that the file raises. Nothing
is published.

` + askHelp,
		Example: `  tablecast dry-run
  tablecast dry-run --config next.yaml --since 7d
  tablecast dry-run --alone --since 1h --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := needConfig(path)
			if err != nil {
				return err
			}
			from, err := sinceTime("--since", since, time.Now())
			if err != nil {
				return usageError{err}
			}
			path, text := strings.ToValidUTF8(file.Path, "\uFFFD"), strings.ToValidUTF8(string(file.Text), "\uFFFD") // comments may have another encoding
			for name, value := range file.Variables {
				file.Variables[name] = strings.ToValidUTF8(value, "\uFFFD")
			}
			in := map[string]any{"path": path, "text": text, "files": file.Files, "variables": file.Variables, "since": from, "alone": alone}
			return f.ask(cmd.Context(), cmd.OutOrStdout(), "dry-run", in, func(line []byte) error { return printDifference(cmd.OutOrStdout(), line) })
		},
	}
	f.add(cmd)
	addConfig(cmd, &path)
	cmd.Flags().StringVar(&since, "since", "", "look at changes of the last `AGE`, as in 7d or 12h (default: all that are kept)")
	cmd.Flags().BoolVar(&alone, "alone", false, "do not compare with the file in effect")
	return cmd
}

// sinceTime reads an age: a duration of Go, or days as in 7d.
func sinceTime(flag, age string, now time.Time) (time.Time, error) {
	if age == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(age, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	d, err := time.ParseDuration(age)
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("%s %s is no age: write 7d, 12h or 30m", flag, age)
	}
	return now.Add(-d), nil
}

func printDifference(out io.Writer, line []byte) error {
	var d struct {
		Change            changeLine
		Was, Is           *eventLine
		WasError, IsError string
		Summary           *struct{ Changes, Appear, Vanish, Differ, Failing, Healed int }
	}
	if err := readJSON(line, &d); err != nil {
		return err
	}
	if s := d.Summary; s != nil {
		fmt.Fprintf(out, "%d changes: %d events appear, %d vanish, %d differ; %d changes would be parked, %d no longer\n", s.Changes, s.Appear, s.Vanish, s.Differ, s.Failing, s.Healed)
		return nil
	}
	at := fmt.Sprintf("%s of %s %s (%s)", d.Change.Op, d.Change.Table, d.Change.Keys, d.Change.SequenceNumber)
	switch {
	case d.IsError != "":
		fmt.Fprintf(out, "! %s would be parked: %s\n", at, d.IsError)
	case d.WasError != "":
		fmt.Fprintf(out, "! %s would no longer be parked: %s\n", at, d.WasError)
	case d.Was == nil:
		fmt.Fprintf(out, "+ %s %s  %s\n", d.Is.DetailType, d.Is.Detail, at)
	case d.Is == nil:
		fmt.Fprintf(out, "- %s %s  %s\n", d.Was.DetailType, d.Was.Detail, at)
	default:
		fmt.Fprintf(out, "~ %s %s → %s  %s\n", d.Is.DetailType, d.Was.Detail, d.Is.Detail, at)
	}
	return nil
}
