package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newRoot builds the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tablecast",
		Short: "Turn committed table changes into business events",
		Long: `Tablecast turns committed table changes into business events. A service writes
its table and does nothing else; the change that commits with the write is
mapped to a domain event, and rules hand the event to its consumers.

` + exitHelp,
		Example: `  tablecast demo                      see the whole path at work
  tablecast up                        run the node that tablecast.yaml describes
  tablecast check                     report every fault of tablecast.yaml`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		newUp(), newDemo(), newCheck(), newTest(), newMatch(), newTail(), newEnv(), newVersion(),
		newExplain(), newDryRun(), newBackfill(), newParked(), newSchema(),
		newBuses(), newRules(), newTargets(), newDLQ(), newEvents(), newMappings(),
		newBackup(), newRestore(), newFsck(), newImport(), newExport(), newPackage(), newWorker(), newKeys(),
	)
	return root
}

// Checks of the number of arguments, whose failure is a usage error.
var (
	noArgs  = usage(cobra.NoArgs)
	oneArg  = usage(cobra.ExactArgs(1))
	twoArgs = usage(cobra.ExactArgs(2))
)

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// addRemoved makes a flag that is gone fail with what to do instead.
func addRemoved(cmd *cobra.Command, name, instead string) {
	cmd.Flags().Var(removed(instead), name, "")
	if err := cmd.Flags().MarkHidden(name); err != nil {
		panic(err) // the flag is there
	}
}

// removed is the value of a flag that is gone.
type removed string

func (r removed) Set(string) error { return errors.New("this flag is gone: " + string(r)) }
func (r removed) String() string   { return "" }
func (r removed) Type() string     { return "" }
