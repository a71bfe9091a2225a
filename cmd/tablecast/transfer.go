package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/transfer"
)

// transferFlags are the flags that import and export share.
type transferFlags struct {
	client                     clientFlags
	endpoint, format, progress string
	json                       bool
}

func (f *transferFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "`URL` of the server (default: AWS_ENDPOINT_URL, or "+defaultURL+")")
	f.client.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "", "`FORMAT` of the file, json or csv (default: by its name)")
	cmd.Flags().StringVar(&f.progress, "progress", "", "`FILE` that remembers how far it came (default: FILE.progress)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object at the end")
}

// formatOf returns the format of a file.
func (f *transferFlags) formatOf(name string) (transfer.Format, error) {
	switch f.format {
	case "":
		return transfer.FormatOf(name), nil
	case string(transfer.JSON), string(transfer.CSV):
		return transfer.Format(f.format), nil
	default:
		return "", usageError{fmt.Errorf("--format %s: write json or csv", f.format)}
	}
}

// client returns a client of the server.
func (f *transferFlags) tables(ctx context.Context) (*dynamodb.Client, error) {
	c, err := f.client.connect(ctx, f.endpoint)
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(c), nil
}

// A meter shows how far a transfer is: on a terminal a line that changes, else
// a line now and then.
type meter struct {
	out   io.Writer
	every time.Duration
	live  bool
	begin time.Time
	what  string

	mu    sync.Mutex
	shown time.Time         // guarded by mu
	last  transfer.Progress // guarded by mu
}

func newMeter(out io.Writer, what string) *meter {
	m := &meter{out: out, every: 5 * time.Second, begin: time.Now(), what: what}
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			m.live, m.every = true, 200*time.Millisecond
		}
	}
	m.shown = m.begin
	return m
}

func (m *meter) report(p transfer.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = p
	if time.Since(m.shown) < m.every {
		return
	}
	m.shown = time.Now()
	line := fmt.Sprintf("%s %d items, %.1f MB, %.0f items/s", m.what, p.Items, float64(p.Bytes)/1e6, float64(p.Items)/time.Since(m.begin).Seconds())
	if m.live {
		fmt.Fprintf(m.out, "\r%-78s", line)
		return
	}
	fmt.Fprintln(m.out, line)
}

// end clears the line that changes.
func (m *meter) end() {
	if m.live {
		fmt.Fprintf(m.out, "\r%s\r", strings.Repeat(" ", 78))
	}
}

// transferred prints how many items were moved.
func transferred(out io.Writer, asJSON bool, what, table, file string, p transfer.Progress) error {
	if asJSON {
		return writeJSON(out, map[string]any{"table": table, "file": file, "items": p.Items, "bytes": p.Bytes})
	}
	_, err := fmt.Fprintf(out, "%s %d items, table %s, file %s\n", what, p.Items, table, file)
	return err
}

// explain makes lines that are no items wrong usage, and says how to go on after
// an interruption.
func (f *transferFlags) explain(ctx context.Context, err error, file string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transfer.ErrBad):
		return usageError{err}
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; the same command goes on where it was (%s remembers)", cmp.Or(f.progress, file+".progress"))
	default:
		return err
	}
}

func newImport() *cobra.Command {
	var f transferFlags
	var bad string
	cmd := &cobra.Command{
		Use:   "import TABLE FILE",
		Short: "Store the items of a file in a table",
		Long: `Stores the items of FILE in TABLE, which must exist, over DynamoDB's API: in the
node that is running, or wherever --endpoint points. FILE holds {"Item": {…}}
lines as exports to S3 have them, or CSV with a header; with a name in .gz it is
compressed. As in imports from S3, values of CSV are strings, but for key
attributes, which have their type; age:N and raw:B in the header are columns of
numbers and of binary, and {"BOOL":true} is a value in DynamoDB JSON.

Interrupted, the same command goes on where it was, if the lines that are stored
have not changed since. The first line that is no item ends the import, unless
--bad takes such lines aside.

Exit statuses:
  0   all is stored
  1   failed while running
  2   wrong usage, or a line that is no item
  3   the server refuses the credentials, or does not let their key do this`,
		Example: `  tablecast import users users.json.gz
  tablecast import users users.csv --bad rejected.txt`,
		Args: twoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return importFile(cmd, f, args[0], args[1], bad)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&bad, "bad", "", "`FILE` that takes lines that are no items, each with why")
	return cmd
}

func importFile(cmd *cobra.Command, f transferFlags, table, file, bad string) (err error) {
	client, err := f.tables(cmd.Context())
	if err != nil {
		return err
	}
	format, err := f.formatOf(file)
	if err != nil {
		return err
	}
	m := newMeter(cmd.ErrOrStderr(), "stored")
	o := transfer.ImportOptions{Client: client, Table: table, File: file, Format: format, Progress: f.progress, Report: m.report}
	if bad != "" {
		aside, err := os.OpenFile(bad, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return usageError{err}
		}
		defer aside.Close()
		o.Bad = aside
	}
	p, err := transfer.Import(cmd.Context(), o)
	m.end()
	if err != nil {
		return f.explain(cmd.Context(), err, file)
	}
	return transferred(cmd.OutOrStdout(), f.json, "stored", table, file, p)
}

// maxSegments is how many parts of a table are read at once at most; DynamoDB takes
// more, of which each would be a goroutine with a page in memory.
const maxSegments = 1000

func newExport() *cobra.Command {
	var f transferFlags
	var columns []string
	var segments int
	cmd := &cobra.Command{
		Use:   "export TABLE FILE",
		Short: "Write the items of a table to a file",
		Long: `Writes the items of TABLE to FILE, in no order, over DynamoDB's API: of the node
that is running, or of whatever --endpoint points at. FILE gets {"Item": {…}}
lines as exports to S3 have them, or CSV with a header, which tablecast import
reads with all types; with a name in .gz it is compressed. Items that change meanwhile are as before or as after; for a table
at one moment, see tablecast backup.

Interrupted, the same command goes on where it was. FILE appears when it is
whole.

Exit statuses:
  0   all is written
  1   failed while running
  2   wrong usage
  3   the server refuses the credentials, or does not let their key do this`,
		Example: `  tablecast export users users.json.gz
  tablecast export users users.csv --columns username,email`,
		Args: twoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := f.tables(cmd.Context())
			if err != nil {
				return err
			}
			format, err := f.formatOf(args[1])
			if err != nil {
				return err
			}
			if segments < 1 || segments > maxSegments {
				return usageError{fmt.Errorf("--segments %d: write 1 to %d", segments, maxSegments)}
			}
			m := newMeter(cmd.ErrOrStderr(), "written")
			p, err := transfer.Export(cmd.Context(), transfer.ExportOptions{
				Client: client, Table: args[0], File: args[1], Format: format, Columns: columns, Segments: segments, Progress: f.progress, Report: m.report,
			})
			m.end()
			if err != nil {
				return f.explain(cmd.Context(), err, args[1])
			}
			return transferred(cmd.OutOrStdout(), f.json, "written", args[0], args[1], p)
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&columns, "columns", nil, "`NAMES` of the attributes of CSV beside the keys, as name or age:N (default: those of the first items)")
	cmd.Flags().IntVar(&segments, "segments", 4, "`NUMBER` of parts of the table that are read at once")
	return cmd
}
