package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/kv"
)

const defaultURL = "http://" + defaultListen

func newBackup() *cobra.Command {
	var client clientFlags
	var url, dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup BACKUP",
		Short: "Copy a node's folder as it is at one moment",
		Long: `Makes the folder BACKUP, which must not exist, from the data of a node that is
running, or with --dir from the folder of one that is not. It holds tables,
streams, buses, cursors, pending deliveries and dead letters as of one moment;
files that log targets wrote are not part of it. Every block of the copy is checked
before it gets its name. A running node goes on meanwhile. BACKUP is then a name or path below the folder that up --backups named,
which is that of the data with -backups at its end if none was; with --dir it is any
path.

` + signHelp + `

` + exitHelp,
		Example: `  tablecast backup monday
  tablecast backup --url http://127.0.0.1:4567 monday
  tablecast backup --dir /var/lib/tablecast /backups/monday`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			var to string
			var err error
			if dir == "" {
				to, err = backupNode(cmd.Context(), &client, url, args[0])
			} else if to, err = filepath.Abs(args[0]); err == nil {
				err = backupFolder(cmd.Context(), dir, to)
			}
			return tell(cmd.OutOrStdout(), err, asJSON, "backup", to)
		},
	}
	client.add(cmd)
	cmd.Flags().StringVar(&url, "url", "", "`URL` of the running node (default: AWS_ENDPOINT_URL, or "+defaultURL+")")
	cmd.Flags().StringVar(&dir, "dir", "", "`FOLDER` of a node that is not running")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.MarkFlagsMutuallyExclusive("url", "dir")
	cmd.AddCommand(newVerify())
	return cmd
}

func newVerify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify BACKUP",
		Short: "Check every file and all state of a backup",
		Long: `Checks a backup as tablecast fsck checks a folder: every checksum of every file, and
the state against itself. A backup does not hold the key of connections, whose
parameters are not opened. The backup stays as it is.

` + exitHelp,
		Example: `  tablecast backup verify /backups/monday`,
		Args:    oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := tablecast.FsckOptions{OnProgress: progressTo(cmd.ErrOrStderr(), time.Now)}
			report, err := tablecast.VerifyBackup(cmd.Context(), args[0], o)
			return checked(cmd.OutOrStdout(), args[0], report, err, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func newRestore() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore BACKUP FOLDER",
		Short: "Make a node's folder from a backup",
		Long: `Makes FOLDER, which must not exist, from BACKUP, which stays as it is. The copy is
checked, every block of it, and opened before it gets its name: a damaged backup
restores nothing. Events whose
delivery was pending at the backup are delivered again.

` + exitHelp,
		Example: `  tablecast restore /backups/monday .tablecast && tablecast up`,
		Args:    twoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return tell(cmd.OutOrStdout(), exists(tablecast.Restore(cmd.Context(), args[0], args[1])), asJSON, "restored", args[1])
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// backupFolder backs up the folder of a node that is not running.
func backupFolder(ctx context.Context, dir, to string) error {
	err := tablecast.Backup(ctx, dir, to)
	if errors.Is(err, kv.ErrLocked) {
		return fmt.Errorf("%w; if a node has it open, ask the node: tablecast backup --url %s %s", err, defaultURL, to)
	}
	return exists(err)
}

// exists makes the error that a folder exists, or is being made, one of wrong usage.
func exists(err error) error {
	if errors.Is(err, kv.ErrExists) || errors.Is(err, kv.ErrBuilding) {
		return usageError{err}
	}
	return err
}

// backupNode asks a running node for a backup and returns its path.
func backupNode(ctx context.Context, client *clientFlags, url, name string) (string, error) {
	resp, err := client.post(ctx, url, "backup", map[string]string{"dir": name}, "name its address with --url, or the folder of a stopped one with --dir")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("the node's answer ended early: %w", err)
	}
	if err := failure(resp, body); err != nil {
		return "", err
	}
	var answer struct{ Dir string }
	return answer.Dir, readJSON(body, &answer)
}

// tell prints what was made, unless it failed.
func tell(out io.Writer, err error, asJSON bool, what, dir string) error {
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(out, map[string]string{what: dir})
	default:
		_, err := fmt.Fprintf(out, "%s: %s\n", what, dir)
		return err
	}
}
