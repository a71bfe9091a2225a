package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/pattern"
)

// errNoMatch means that the event does not match. The reasons were printed.
var errNoMatch = errors.New("no match")

// maxOperand is how many bytes of a pattern or event are read.
const maxOperand = 16 << 20

func newMatch() *cobra.Command {
	var source, event string
	var filter, asJSON bool
	cmd := &cobra.Command{
		Use:   "match",
		Short: "Show whether an event matches a pattern, and why not",
		Long: `Matches one event against one event pattern and prints "match", or each field
that keeps the event from matching: what was wanted, and what was found where.
It touches no node. P and E are JSON, @FILE, or - for standard input.

Exit statuses:
  0   the event matches
  1   it does not
  2   wrong usage, or the pattern or the event is not valid`,
		Example: `  tablecast match --pattern '{"detail":{"total":[{"numeric":[">",100]}]}}' --event '{"detail":{"total":42}}'
  tablecast match --pattern @pattern.json --event - --json < event.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source == "-" && event == "-" {
				return usageError{errors.New("only one of --pattern and --event can be standard input")}
			}
			misses, err := explain(cmd.InOrStdin(), source, event, filter)
			if err != nil {
				return usageError{err}
			}
			return printMatch(cmd.OutOrStdout(), misses, asJSON)
		},
	}
	cmd.Flags().StringVarP(&source, "pattern", "p", "", "the pattern `P`")
	cmd.Flags().StringVarP(&event, "event", "e", "", "the event `E`")
	cmd.Flags().BoolVar(&filter, "filter", false, "the pattern is a filter of an event source mapping or pipe")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// explain returns what keeps the event from matching; nil if it matches.
func explain(stdin io.Reader, source, event string, filter bool) ([]pattern.Miss, error) {
	src, err := operand(stdin, "--pattern", source)
	if err != nil {
		return nil, err
	}
	dialect := pattern.EventBridge
	if filter {
		dialect = pattern.Filter
	}
	p, err := dialect.Compile(src)
	if err != nil {
		return nil, fmt.Errorf("--pattern: %w", err)
	}
	body, err := operand(stdin, "--event", event)
	if err != nil {
		return nil, err
	}
	misses, err := p.Explain(body)
	if err != nil {
		return nil, fmt.Errorf("--event: %w", err)
	}
	return misses, nil
}

// operand reads what a flag names: JSON, a file or standard input.
func operand(stdin io.Reader, flag, value string) ([]byte, error) {
	path, isFile := strings.CutPrefix(value, "@")
	switch {
	case value == "":
		return nil, fmt.Errorf("%s is missing: give JSON, @FILE or -", flag)
	case value != "-" && !isFile:
		return []byte(value), nil
	case isFile:
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		defer f.Close()
		stdin = f
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxOperand+1))
	if err == nil && len(text) > maxOperand {
		err = fmt.Errorf("more than %d bytes", maxOperand)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return text, nil
}

func printMatch(w io.Writer, misses []pattern.Miss, asJSON bool) error {
	switch {
	case asJSON:
		list := append([]pattern.Miss{}, misses...) // an empty list, not null
		if err := writeJSON(w, map[string]any{"match": len(misses) == 0, "misses": list}); err != nil {
			return err
		}
	case len(misses) == 0:
		fmt.Fprintln(w, "match")
	default:
		fmt.Fprintln(w, "no match")
		for _, m := range misses {
			fmt.Fprintln(w, "  "+m.String())
		}
	}
	if len(misses) > 0 {
		return errNoMatch
	}
	return nil
}
