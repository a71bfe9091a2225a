package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/tablecast/tablecast/config"
)

func newCheck() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report every fault of tablecast.yaml",
		Long: `Reads the configuration file and reports every fault with file, line, column and
what to write instead. It touches nothing.

Exit statuses:
  0   the file is good
  2   the file has faults, or there is none`,
		Example: `  tablecast check
  tablecast check --config shop.yaml --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := loadConfig(path)
			var faults config.Faults
			if asJSON && (err == nil || errors.As(err, &faults)) {
				list := make([]map[string]any, len(faults))
				for i, f := range faults {
					list[i] = map[string]any{"path": f.Path, "line": f.Line, "column": f.Column, "message": f.Msg, "fix": f.Fix}
				}
				json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"faults": list})
			}
			if err != nil {
				return err
			}
			if file == nil {
				return usageError{errors.New("no tablecast.yaml here or above; name one with --config")}
			}
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %d tables, %d events, %d rules\n", file.Path, len(file.Tables), len(file.Events), len(file.Rules))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "configuration `FILE` (default: tablecast.yaml here or above)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}
