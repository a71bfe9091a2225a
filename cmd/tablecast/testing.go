package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/cases"
)

func newTest() *cobra.Command {
	var path, junit, run string
	var coverage, asJSON bool
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests of tablecast.yaml",
		Long: `Runs the cases under tests: of the configuration file and of the files beside it
whose names end with .test.yaml: writes on tables in memory, and the events that
they raise. Nothing else is started or touched. docs/mapping.md tells how cases
are written.

Exit statuses:
  0   all cases hold
  1   a case does not
  2   the file has faults, or there is none`,
		Example: `  tablecast test
  tablecast test --run order --coverage
  tablecast test --junit report.xml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := needConfig(path)
			if err != nil {
				return err
			}
			all, err := config.ReadCases(file)
			if err != nil {
				return err
			}
			var chosen []config.Case
			for _, c := range all {
				if strings.Contains(c.Name, run) {
					chosen = append(chosen, c)
				}
			}
			results, cover, err := cases.Run(cmd.Context(), file, chosen, file.Account, file.Region)
			if err != nil {
				return err
			}
			if junit != "" {
				if err := writeJUnit(junit, file.Path, results); err != nil {
					return err
				}
			}
			return reportCases(cmd.OutOrStdout(), file.Path, results, cover, coverage, asJSON)
		},
	}
	addConfig(cmd, &path)
	cmd.Flags().StringVar(&run, "run", "", "run only cases whose names contain `TEXT`")
	cmd.Flags().StringVar(&junit, "junit", "", "write a report for CI systems to `FILE`")
	cmd.Flags().BoolVar(&coverage, "coverage", false, "tell which definitions and guards no case exercises")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

func writeJUnit(path, suite string, results []cases.Result) error {
	out, err := os.Create(path)
	if err != nil {
		return usageError{err}
	}
	return errors.Join(cases.WriteJUnit(out, suite, results), out.Close())
}

// reportCases prints the results; the error says that some do not hold.
func reportCases(out io.Writer, path string, results []cases.Result, cover cases.Coverage, coverage, asJSON bool) error {
	failed := 0
	for _, r := range results {
		if len(r.Problems) > 0 {
			failed++
		}
		if asJSON {
			err := writeJSON(out, map[string]any{"test": r.Case.Name, "line": r.Case.Place.Line, "path": r.Case.Place.Path, "ok": len(r.Problems) == 0, "problems": r.Problems, "ms": r.Took.Milliseconds()})
			if err != nil {
				return err
			}
			continue
		}
		mark := "ok  "
		if len(r.Problems) > 0 {
			mark = "FAIL"
		}
		fmt.Fprintf(out, "%s %s (%d ms)\n", mark, r.Case.Name, r.Took.Milliseconds())
		for _, p := range r.Problems {
			fmt.Fprintf(out, "     %s:%d:%d: %s\n", r.Case.Place.Path, r.Case.Place.Line, r.Case.Place.Column, strings.ReplaceAll(p, "\n", "\n     "))
		}
	}
	var gaps []string
	if coverage {
		gaps = cover.Gaps()
	}
	if asJSON {
		if err := writeJSON(out, map[string]any{"summary": map[string]any{"tests": len(results), "failed": failed, "notCovered": gaps}}); err != nil {
			return err
		}
	} else {
		for _, g := range gaps {
			fmt.Fprintf(out, "not covered: %s\n", g)
		}
		fmt.Fprintf(out, "%s: %d tests, %d failed\n", cmp.Or(path, "tests"), len(results), failed)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d tests do not hold", failed, len(results))
	}
	return nil
}
