package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/server"
)

const keysHelp = `Exit statuses:
  0   ended as asked
  1   failed while running
  2   wrong usage
  8   the folder's keys are damaged`

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Create, list and revoke the keys that sign requests",
		Long: `A folder that has keys is closed: every request must be signed with one of them, as
the SDKs of AWS sign, on loopback, too. It stays closed when all its keys are revoked.
A node that runs notices within a second. The folder keeps the keys encrypted.`,
		Example: `  tablecast keys create operator
  tablecast keys create orders --allow dynamodb:PutItem,dynamodb:GetItem --on table/orders
  tablecast keys ls
  tablecast keys revoke orders`,
	}
	cmd.AddCommand(newKeysCreate(), newKeysList(), newKeysRevoke())
	return cmd
}

// keysFlags are those of all commands about keys.
type keysFlags struct {
	dir  string
	json bool
}

func (f *keysFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "dir", defaultDir, "`FOLDER` of the node's data")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
}

// A keyLine is a key as --json prints it, with the secret at its creation alone.
type keyLine struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Secret  string       `json:"secret,omitzero"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires,omitzero"`
	Expired bool         `json:"expired,omitzero"`
	Allow   []keys.Grant `json:"allow"`
}

func lineOf(k keys.Key) keyLine {
	return keyLine{ID: k.ID, Name: k.Name, Created: k.Created, Expires: k.Expires, Expired: k.Expired(time.Now()), Allow: k.Allow}
}

// A grantFlags collects --allow and --on, which belong together by their order.
type grantFlags struct {
	actions []string
	on      [][]string // of each of actions
}

type allowFlag struct{ *grantFlags }

func (f allowFlag) Set(text string) error {
	f.actions, f.on = append(f.actions, text), append(f.on, nil)
	return nil
}
func (allowFlag) String() string { return "" }
func (allowFlag) Type() string   { return "" }

type onFlag struct{ *grantFlags }

func (f onFlag) Set(text string) error {
	if len(f.on) == 0 {
		return errors.New("write --on after the --allow that it is for")
	}
	f.on[len(f.on)-1] = append(f.on[len(f.on)-1], text)
	return nil
}
func (onFlag) String() string { return "" }
func (onFlag) Type() string   { return "" }

// grants returns what the flags allow; everything if there are none.
func (f *grantFlags) grants() ([]keys.Grant, error) {
	if len(f.actions) == 0 {
		return []keys.Grant{keys.Everything}, nil
	}
	var out []keys.Grant
	for i, actions := range f.actions {
		g, err := keys.ParseGrant(actions, f.on[i])
		if err != nil {
			return nil, err
		}
		for _, a := range g.Actions {
			if !knownAction(a) {
				return nil, fmt.Errorf("no operation has the action %s", a)
			}
		}
		out = append(out, g)
	}
	return out, nil
}

// knownAction reports whether a pattern has any action.
func knownAction(pattern string) bool {
	return slices.ContainsFunc(server.Actions(), func(action string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
		return ok && err == nil
	})
}

func newKeysCreate() *cobra.Command {
	var f keysFlags
	var grants grantFlags
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a key and print its secret, once",
		Long: `Creates a key. Each --allow lists actions, with * for any text, and the --on after it
the resources that they may touch: ARNs, or what follows the account in the ARNs of this
node, with * for any text; none means all. Without --allow the key may do everything.

Actions are those of AWS's policies, as dynamodb:PutItem, events:PutEvents and
lambda:InvokeFunction, and for the node's own API tablecast:Read, tablecast:Metrics,
tablecast:Redrive, tablecast:Drop, tablecast:Backfill and tablecast:Backup.

` + keysHelp,
		Example: `  tablecast keys create operator --expires 30d
  tablecast keys create orders --allow dynamodb:PutItem,dynamodb:Query --on table/orders --on 'table/orders/index/*'
  tablecast keys create shop --allow events:PutEvents --on event-bus/main --allow dynamodb:GetItem --on table/users
  tablecast keys create prometheus --allow tablecast:Metrics`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			k := keys.Key{Name: args[0]}
			var err error
			if k.Expires, err = expiry(expires, now); err != nil {
				return usageError{err}
			}
			if k.Allow, err = grants.grants(); err != nil {
				return usageError{err}
			}
			if k, err = keys.Create(cmd.Context(), f.dir, k, now); err != nil {
				return keysError(err)
			}
			return f.created(cmd.OutOrStdout(), k)
		},
	}
	f.add(cmd)
	cmd.Flags().Var(allowFlag{&grants}, "allow", "`ACTIONS` that the key may do, with commas between them; may be given again")
	cmd.Flags().Var(onFlag{&grants}, "on", "`RESOURCE` of the --allow before it; may be given again")
	cmd.Flags().StringVar(&expires, "expires", "", "the key ends after `AGE`, as 12h or 30d (default: never)")
	return cmd
}

func (f *keysFlags) created(out io.Writer, k keys.Key) error {
	if f.json {
		line := lineOf(k)
		line.Secret = k.Secret
		return writeJSON(out, line)
	}
	_, err := fmt.Fprintf(out, "key %s: %s\nThe secret is shown this once:\n\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", k.Name, allowed(k.Allow), k.ID, k.Secret)
	return err
}

// allowed says what grants allow.
func allowed(grants []keys.Grant) string {
	var out []string
	for _, g := range grants {
		out = append(out, strings.Join(g.Actions, ",")+" on "+strings.Join(g.Resources, ", "))
	}
	return strings.Join(out, "; ")
}

// expiry returns the end of an age; zero for none.
func expiry(age string, now time.Time) (time.Time, error) {
	if age == "" {
		return time.Time{}, nil
	}
	d, err := time.ParseDuration(age)
	if days, ok := strings.CutSuffix(age, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("--expires %s: write a number and h or d, as in 30d", age)
	}
	return now.Add(d).UTC().Truncate(time.Second), nil
}

// keysError makes errors of what was asked for wrong usage.
func keysError(err error) error {
	for _, bad := range []error{keys.ErrSpec, keys.ErrExists, keys.ErrNotFound} {
		if errors.Is(err, bad) {
			return usageError{err}
		}
	}
	return err
}

func newKeysList() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use: "ls", Short: "List the keys of a folder", Long: "Lists keys by name, with what they may do; never their secrets.\n\n" + keysHelp,
		Example: "  tablecast keys ls --json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, closed, err := keys.List(f.dir)
			if err != nil {
				return keysError(err)
			}
			out := cmd.OutOrStdout()
			for _, k := range all {
				if err := f.list(out, k); err != nil {
					return err
				}
			}
			if len(all) == 0 && !f.json {
				state := "open: it has never had keys"
				if closed {
					state = "closed: all its keys were revoked"
				}
				_, err = fmt.Fprintf(out, "no keys; the folder %s is %s\n", f.dir, state)
			}
			return err
		},
	}
	f.add(cmd)
	return cmd
}

func (f *keysFlags) list(out io.Writer, k keys.Key) error {
	line := lineOf(k)
	if f.json {
		return writeJSON(out, line)
	}
	until := ""
	switch {
	case line.Expired:
		until = ", expired " + k.Expires.Format(time.RFC3339)
	case !k.Expires.IsZero():
		until = ", expires " + k.Expires.Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(out, "%s %s created %s%s: %s\n", k.ID, k.Name, k.Created.Format(time.RFC3339), until, allowed(k.Allow))
	return err
}

func newKeysRevoke() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use: "revoke NAME|ID", Short: "Revoke a key",
		Long:    "Revokes a key. A node that runs takes it for less than a second more.\n\n" + keysHelp,
		Example: "  tablecast keys revoke orders", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := keys.Revoke(cmd.Context(), f.dir, args[0])
			if err != nil {
				return keysError(err)
			}
			if f.json {
				return writeJSON(cmd.OutOrStdout(), map[string]keyLine{"revoked": lineOf(k)})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "revoked %s %s\n", k.ID, k.Name)
			return err
		},
	}
	f.add(cmd)
	return cmd
}
