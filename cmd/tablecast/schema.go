package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/mapping/schema"
)

func newSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Infer the contracts of events, and check that new ones keep the old",
		Example: `  tablecast schema infer < details.jsonl > user-created.schema.json
  tablecast schema check --against released.yaml`,
	}
	cmd.AddCommand(newSchemaInfer(), newSchemaCheck())
	return cmd
}

func newSchemaInfer() *cobra.Command {
	var events bool
	var detailType string
	cmd := &cobra.Command{
		Use:   "infer [FILE ...]",
		Short: "Make a JSON Schema of samples",
		Long: `Reads samples, one JSON document a line, from files or the standard input, and
prints the schema that all of them keep: types, members that each of them has,
and formats that at least three texts share. Samples are details, or with
--events whole events, as log targets write them.

Exit statuses:
  0   the schema was printed
  2   wrong usage, or a sample that is not JSON`,
		Example: `  tablecast schema infer < details.jsonl > user-created.schema.json
  tablecast schema infer --events --detail-type UserCreated .tablecast/logs/all.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var i schema.Inference
			if len(args) == 0 {
				if err := addSamples(&i, "the standard input", cmd.InOrStdin(), events, detailType); err != nil {
					return usageError{err}
				}
			}
			for _, path := range args {
				in, err := os.Open(path)
				if err != nil {
					return usageError{err}
				}
				err = addSamples(&i, path, in, events, detailType)
				in.Close()
				if err != nil {
					return usageError{err}
				}
			}
			if i.Samples() == 0 {
				return usageError{errors.New("there are no samples")}
			}
			_, err := cmd.OutOrStdout().Write(i.Schema())
			return err
		},
	}
	cmd.Flags().BoolVar(&events, "events", false, "samples are events, whose details are meant")
	cmd.Flags().StringVar(&detailType, "detail-type", "", "of events only those of one `TYPE`")
	return cmd
}

// addSamples adds the lines of a file.
func addSamples(i *schema.Inference, name string, in io.Reader, events bool, detailType string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		doc := lines.Bytes()
		if len(doc) == 0 {
			continue
		}
		if events {
			var e struct {
				Type   string         `json:"detail-type"`
				Detail jsontext.Value `json:"detail"`
			}
			if err := json.Unmarshal(doc, &e, jsontext.AllowDuplicateNames(true)); err != nil || e.Detail == nil {
				return fmt.Errorf("%s:%d: not an event", name, n)
			}
			if detailType != "" && e.Type != detailType {
				continue
			}
			doc = e.Detail
		}
		if err := i.Add(doc); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return lines.Err()
}

// errBreaking means that a check found what breaks consumers; it was printed.
var errBreaking = errors.New("the change breaks consumers")

func newSchemaCheck() *cobra.Command {
	var path, against string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check --against FILE",
		Short: "Fail if the events of tablecast.yaml break consumers of another version",
		Long: `Compares the events of the configuration file with those of another version of it:
events that are gone, another source, type, bus or envelope, and schemas that let
details through which the old ones refused. What cannot be compared counts as
breaking. New events and new members break nobody.

Exit statuses:
  0   nothing breaks
  1   something does
  2   wrong usage, or faults in a file`,
		Example: `  git show main:tablecast.yaml > released.yaml && tablecast schema check --against released.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if against == "" {
				return usageError{errors.New("name the other version with --against")}
			}
			next, err := needConfig(path)
			if err != nil {
				return err
			}
			old, err := loadConfig(against)
			if err != nil {
				return err
			}
			return printChanges(cmd.OutOrStdout(), config.Compare(old, next), asJSON)
		},
	}
	addConfig(cmd, &path)
	cmd.Flags().StringVar(&against, "against", "", "the other version: a `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

func printChanges(out io.Writer, changes []schema.Change, asJSON bool) error {
	broken := 0
	for _, c := range changes {
		if c.Breaking {
			broken++
		}
		if asJSON {
			if err := writeJSON(out, map[string]any{"place": c.Pointer, "change": c.Text, "breaking": c.Breaking}); err != nil {
				return err
			}
		} else {
			fmt.Fprintln(out, c)
		}
	}
	if broken > 0 {
		return fmt.Errorf("%w: %d changes", errBreaking, broken)
	}
	if !asJSON {
		fmt.Fprintln(out, "no change breaks consumers")
	}
	return nil
}
