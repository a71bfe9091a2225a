package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
)

func newCheck() *cobra.Command {
	var path string
	var samples []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report every fault of tablecast.yaml",
		Long: `Reads the configuration file and reports every fault with file, line, column and
what to write instead. It touches nothing. It warns of attributes that are read
but not declared under attributes: of their table, nor in a sample of its items.

Exit statuses:
  0   the file is good
  2   the file has faults, or there is none`,
		Example: `  tablecast check
  tablecast check --config shop.yaml --json
  tablecast check --sample users=users.jsonl`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := loadConfig(path)
			var faults config.Faults
			var warnings []config.Fault
			if err == nil && file != nil {
				items, err := readSamples(samples)
				if err != nil {
					return usageError{err}
				}
				warnings = file.Warnings(items)
			}
			if asJSON && (err == nil || errors.As(err, &faults)) {
				if err := writeJSON(cmd.OutOrStdout(), map[string]any{"faults": faultList(faults), "warnings": faultList(warnings)}); err != nil {
					return err
				}
			}
			if err != nil {
				return err
			}
			if file == nil {
				return errNoConfig
			}
			if !asJSON {
				for _, w := range warnings {
					fmt.Fprintf(cmd.OutOrStdout(), "warning: %s\n", w)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %d tables, %d events, %d rules\n", file.Path, len(file.Tables), len(file.Events), len(file.Rules))
			}
			return nil
		},
	}
	addConfig(cmd, &path)
	cmd.Flags().StringArrayVar(&samples, "sample", nil, "items of a table: `TABLE=FILE`, DynamoDB JSON lines as tablecast export writes them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func faultList(faults []config.Fault) []map[string]any {
	list := make([]map[string]any, len(faults))
	for i, f := range faults {
		list[i] = map[string]any{"path": f.Path, "line": f.Line, "column": f.Column, "message": f.Msg, "fix": f.Fix}
	}
	return list
}

// maxSamples is how many items of a sample are looked at.
const maxSamples = 10_000

// readSamples reads the items of files by their tables.
func readSamples(files []string) (map[string][]item.Item, error) {
	out := map[string][]item.Item{}
	for _, f := range files {
		name, path, ok := strings.Cut(f, "=")
		if !ok {
			return nil, fmt.Errorf("--sample %s: write TABLE=FILE", f)
		}
		in, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for len(out[name]) < maxSamples && lines.Scan() {
			var line struct{ Item item.Map }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				in.Close()
				return nil, fmt.Errorf("%s: item %d: %w", path, len(out[name])+1, err)
			}
			out[name] = append(out[name], line.Item)
		}
		if err := errors.Join(lines.Err(), in.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}
