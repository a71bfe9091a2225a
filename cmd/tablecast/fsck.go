package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// progressEvery is the time between two lines of progress.
const progressEvery = 2 * time.Second

func newFsck() *cobra.Command {
	var dir string
	var asJSON, repair bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check every file and all state of a folder",
		Long: `Checks the folder of a node that is not running: every checksum of every file, and
the state against itself: items against index entries and change records,
counters, pending deliveries and their ledgers, cursors, archives, parked
records, the code of functions, connections. It changes nothing, prints each
fault with its place, what can be saved, and what it walked. If the store cannot
be opened, it checks what can be read without the damaged files.

With --repair-indexes it first rebuilds the entries of indexes and the counters of
tables from the items, and prints what it changed. It can be interrupted and
started again. Make a copy of the folder before.

` + exitHelp,
		Example: `  tablecast fsck
  tablecast fsck --dir /var/lib/tablecast --json
  tablecast fsck --repair-indexes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := tablecast.FsckOptions{RepairIndexes: repair, OnProgress: progressTo(cmd.ErrOrStderr(), time.Now)}
			report, err := tablecast.Fsck(cmd.Context(), dir, o)
			return checked(cmd.OutOrStdout(), dir, report, err, asJSON)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", defaultDir, "`FOLDER` of a node that is not running")
	cmd.Flags().BoolVar(&repair, "repair-indexes", false, "rebuild index entries and counters from the items before")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// checked prints what a check found, unless it could not be made.
func checked(out io.Writer, dir string, report *fsck.Report, err error, asJSON bool) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return usageError{err}
	case err != nil:
		return err
	default:
		return printReport(out, dir, report, asJSON)
	}
}

// progressTo returns a function that prints a line of progress now and then.
func progressTo(out io.Writer, now func() time.Time) func(fsck.Progress) {
	last := now()
	return func(p fsck.Progress) {
		if now().Sub(last) < progressEvery {
			return
		}
		last = now()
		fmt.Fprintf(out, "fsck: %d of %d MiB of files, %d of about %d keys\n", p.Bytes>>20, p.AllBytes>>20, p.Keys, p.AllKeys)
	}
}

// A damagedFolder is the error of a folder with faults, which were printed.
type damagedFolder struct {
	dir    string
	faults int
}

func (e damagedFolder) Error() string {
	if e.faults == 1 {
		return e.dir + " has 1 fault"
	}
	return fmt.Sprintf("%s has %d faults", e.dir, e.faults)
}

func (e damagedFolder) Unwrap() error { return kv.ErrCorrupt }

// printReport prints what a check found. Errors: damagedFolder.
func printReport(out io.Writer, dir string, r *fsck.Report, asJSON bool) error {
	faults, total := r.Faults()
	var failed error
	if total > 0 {
		failed = damagedFolder{dir, total}
	}
	if asJSON {
		return errors.Join(writeJSON(out, struct {
			Dir     string            `json:"dir"`
			Faults  []fsck.Fault      `json:"faults"`
			Total   int               `json:"total"`
			Notes   []string          `json:"notes"`
			Walked  map[string]uint64 `json:"walked"`
			Summary string            `json:"summary"`
		}{dir, faults, total, r.Notes(), r.Counts(), r.Summary()}), failed)
	}
	for _, f := range faults {
		fmt.Fprintln(out, f)
	}
	if more := total - len(faults); more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	for _, note := range r.Notes() {
		fmt.Fprintln(out, note)
	}
	_, err := fmt.Fprintln(out, r.Summary())
	return errors.Join(err, failed)
}
